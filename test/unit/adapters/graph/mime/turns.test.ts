import { describe, expect, it, vi } from "vitest";
import { bufferSource } from "../../../../../shared/adapters/byte-source.ts";
import { planMessage } from "../../../../../shared/adapters/graph/mime/plan.ts";
import { budgets } from "../../../../../shared/adapters/graph/mime/scan.ts";

const facts = { internalDate: new Date("2020-05-06T07:08:09Z"), flags: [], stamp: "s", chunkToken: "c" };

let now = 0;

/** How often others get their turn while it is planned on a machine so slow that all takes long. */
async function turnsWhilePlanning(content: Buffer): Promise<number> {
  const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 1000));
  let turns = 0;
  let going = true;
  const turn = () => {
    turns++;
    if (going) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    await planMessage(bufferSource(content), facts, { ...budgets, time: Number.POSITIVE_INFINITY });
    return turns;
  } finally {
    going = false;
    clock.mockRestore();
  }
}

describe("others get their turn", () => {
  const header = "From: a@example.org\r\nSubject: x\r\n";
  const mixed = (...parts: readonly string[]) =>
    `${header}Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts.map((part) => `--b\r\n${part}\r\n`).join("")}--b--\r\n`;

  it.each([
    ["between parts that are read at once", mixed(...Array.from({ length: 900 }, () => "\r\n")), 900 / 10],
    [
      "while a text is made HTML",
      mixed("Content-Type: text/html\r\n\r\n<p>", `\r\n${"<".repeat(1 << 20)}`),
      2 * (1 << 4),
    ],
    [
      "between references to pictures",
      `${header}Content-Type: text/html\r\n\r\n${"cid:% ".repeat(5000)}`,
      5000,
    ],
    ["between the fields of a header", `${header}${"To: a@example.org\r\n".repeat(2000)}\r\nx`, 2000],
    ["while the size of a text is found out", `${header}\r\n${"x".repeat(1 << 20)}`, 3 * (1 << 4)],
  ])("%s", async (_, message, least) => {
    expect(await turnsWhilePlanning(Buffer.from(message))).toBeGreaterThanOrEqual(least);
  });
});
