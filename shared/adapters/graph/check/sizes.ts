import { isMigrationError } from "../../../domain/errors.ts";
import type { MailboxGate } from "../gate.ts";
import { itemPath } from "../items.ts";
import { callMailbox } from "../session.ts";
import { advice } from "./advice.ts";
import { type Bench, outgoing } from "./messages.ts";
import { attachmentBytes, largeSample, longHeaderSample, plainSample } from "./samples.ts";
import { failed, ok, warning } from "./steps.ts";

/** Megabytes of what is attached, and of a message just above what a tenant takes by default. */
export interface CheckSizes {
  readonly attachments: readonly number[];
  readonly aboveDefault?: number | undefined;
}
export const usualSizes: CheckSizes = { attachments: [3, 20], aboveDefault: 36 };
const longHeaderBytes = 100 * 1024;
/** Messages that are written four at a time. */
const speedMessages = 16;

/** Large headers and attachments, put together as a migration does it. */
export async function checkSizes(bench: Bench, { attachments, aboveDefault }: CheckSizes): Promise<void> {
  const { steps, mailbox, folder } = bench;
  await steps.take("long header", "a message with a header of 100 KB", async () => {
    const content = longHeaderSample("header", longHeaderBytes);
    try {
      await mailbox.write(folder, outgoing("header", content, content.length));
      return ok("The message is created.");
    } catch (error) {
      if (!isMigrationError(error) || error.kind !== "item") throw error;
      return warning(error.message, advice.header);
    }
  });
  for (const megabytes of attachments) await checkAttachment(bench, megabytes);
  if (aboveDefault === undefined) return;
  await steps.take(`${aboveDefault} MB`, "a message above the default limit of 35 MB", async () => {
    const { size, content } = largeSample("limit", aboveDefault);
    try {
      await mailbox.write(folder, outgoing("limit", content, size));
      return ok("The tenant takes it.");
    } catch (error) {
      if (!isMigrationError(error) || error.code !== "MessageTooLarge") throw error;
      return warning("The tenant refuses it.", advice.size);
    }
  });
}

async function checkAttachment({ steps, session, mailbox, folder }: Bench, megabytes: number): Promise<void> {
  const name = `${megabytes} MB`;
  await steps.take(name, `a message with an attachment of ${name}`, async () => {
    const { size, content } = largeSample(`attachment-${megabytes}`, megabytes);
    const item = await mailbox.write(folder, outgoing(`attachment-${megabytes}`, content, size));
    const { body } = await callMailbox<{ readonly value?: readonly { readonly size?: number }[] }>(session, {
      method: "GET",
      path: `${itemPath(item)}/attachments`,
      query: { $select: "id,size" },
      effect: "read",
    });
    const stored = body.value?.[0]?.size ?? 0;
    // Exchange counts some properties of an attachment as its size.
    return stored >= attachmentBytes(megabytes)
      ? ok("The attachment is there.")
      : failed(`The attachment has ${stored} bytes.`, advice.report);
  });
}

/** What several requests at once reach; throttling is told if met, and never provoked. */
export async function checkSpeed({ steps, mailbox, folder }: Bench, gate: ObservedGate): Promise<void> {
  await steps.take("speed", `${speedMessages} short messages, ${gate.limit} at once`, async () => {
    const startedAt = performance.now();
    const times: number[] = [];
    const names = Array.from({ length: speedMessages }, (_, index) => `speed-${index}`);
    const work = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        const content = plainSample(name);
        const began = performance.now();
        await mailbox.write(folder, outgoing(name, content, content.length));
        times.push(performance.now() - began);
      }
    };
    await Promise.all(Array.from({ length: gate.limit }, work));
    const seconds = (performance.now() - startedAt) / 1000;
    const median = times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
    const figures = `${(speedMessages / seconds).toFixed(1)} messages a second; one takes ${Math.round(median)} ms (median).`;
    return gate.pauses === 0
      ? ok(figures)
      : warning(
          `${figures} Exchange asked for ${gate.pauses} pauses, the longest ${Math.ceil(gate.longestPauseMs / 1000)} s.`,
          advice.slow,
        );
  });
}

/** Counts the pauses that the service asks for. */
export interface ObservedGate extends MailboxGate {
  readonly pauses: number;
  readonly longestPauseMs: number;
}
