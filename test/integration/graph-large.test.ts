import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { type GraphOptions, type MailboxInspection, startGraph } from "../stack/graph/index.ts";

const megabyte = 1024 * 1024;
const address = "large@example.com";

interface Outcome {
  readonly code: string;
  readonly message: string;
  readonly maxResidentBytes: number;
}

/** Writes one message with an attachment of so many bytes from a process of its own, with a temporary folder of its own. */
async function writeLarge(
  options: GraphOptions,
  bytes: number,
): Promise<{ readonly outcome: Outcome; readonly mailbox: MailboxInspection }> {
  const graph = await startGraph(options);
  const temporary = await mkdtemp(join(tmpdir(), "graph-large-"));
  try {
    graph.addMailbox({ userPrincipalName: address });
    const worker = join(import.meta.dirname, "graph-large-worker.ts");
    const parameters = [worker, graph.baseUrl, graph.token, address, String(bytes)];
    const env = { ...process.env, TMPDIR: temporary };
    const { stdout } = await promisify(execFile)(process.execPath, parameters, { env });
    expect(await readdir(temporary)).toEqual([]);
    const mailbox = graph.mailbox(address);
    // Looked at while the bytes are still there.
    for (const message of mailbox.messages) expect(message.attachments[0]?.size).toBe(bytes);
    return { outcome: JSON.parse(stdout) as Outcome, mailbox };
  } finally {
    await graph.close();
    await rm(temporary, { recursive: true });
  }
}

describe("very large messages", () => {
  it("passes 150 MB with bounded memory, and leaves no file behind", async () => {
    const limits = { uploadBytes: 400 * megabyte };
    const { outcome, mailbox } = await writeLarge(
      { maxMessageBytes: 151 * megabyte, limits },
      150 * megabyte,
    );
    expect(outcome.code).toBe("written");
    expect(outcome.maxResidentBytes).toBeLessThan(300 * megabyte);
    expect(mailbox.folder("inbox")?.messages).toHaveLength(1);
    expect(mailbox.messages[0]?.isDraft).toBe(false);
  });

  it("waits for the upload limit of the service", async () => {
    const limits = { uploadBytes: 20 * megabyte, uploadWindowMs: 3000 };
    const { outcome, mailbox } = await writeLarge({ limits }, 30 * megabyte);
    expect(outcome.code).toBe("written");
    expect(mailbox.folder("inbox")?.messages).toHaveLength(1);
  });

  it("is skipped with the remedy at the tenant's default of 35 MB", async () => {
    const { outcome, mailbox } = await writeLarge({}, 40 * megabyte);
    expect(outcome.code).toBe("MessageTooLarge");
    expect(outcome.message).toContain("Set-Mailbox -MaxReceiveSize");
    expect(mailbox.messages).toEqual([]);
  });
});
