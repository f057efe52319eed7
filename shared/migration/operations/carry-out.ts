import pMap from "p-map";
import type { PageMessage } from "../../domain/queue-messages.ts";
import { isRemoving, settledOperation } from "../batch/life.ts";
import { patiently } from "../patience.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type {
  BatchRecord,
  MailboxRecord,
  OperationCursor,
  OperationRecord,
  Slot,
  Versioned,
} from "../ports/registry.ts";
import { minute } from "../runtime.ts";
import { type BeginOperationParts, sendPages, slotsOf } from "./begin-operation.ts";
import { forgetLedger, forgetMailbox } from "./forget-ledgers.ts";
import { type PutToWorkParts, putToWork } from "./put-to-work.ts";
import { operatedOn } from "./transitions.ts";

/** Mailboxes of a page. */
const pageSize = 990;
/** Of those whose records are forgotten, which takes long. */
const forgetSize = 16;
/** A message works for so long, then the next one goes on; in milliseconds. */
const budgetMs = minute;
/** An operation whose cursors stand for so long has lost its messages; in milliseconds. */
const standstillMs = minute;
/** Until workers that are stopped have handed back what they had; in milliseconds. */
const waitForWorkersMs = 10_000;
/** Mailboxes read at once where they are named. */
const concurrency = 16;

export interface CarryOutParts extends BeginOperationParts, PutToWorkParts {
  readonly ledger: LedgerStore;
  /** Brings the figures of the batch up to date, so that they are exact when an operation is through. */
  readonly refresh: (batch: BatchRecord) => Promise<void>;
  /** Removes what belongs to a batch beside its record and its mailboxes. Repeatable. */
  readonly clear: (batch: BatchRecord) => Promise<void>;
  /** Aborted when the process is about to end. */
  readonly ending: AbortSignal;
}

export interface Operations {
  /** Handles a message of one slot of an operation. Repeatable at any point, by any number of workers at once. */
  carryOut(message: PageMessage): Promise<void>;
  /** Goes on with the operation whose turn it is, if it stands still. @returns false if the batch has none. Repeatable. */
  resume(batch: BatchRecord): Promise<boolean>;
}

/**
 * Carries operations out. Those of a batch are carried out one after another, each by as many workers as it has slots.
 */
export function createOperations(parts: CarryOutParts): Operations {
  const { batches, mailboxes, admission, queue, clock, log } = parts;
  const finishing = new Map<string, Promise<void>>();

  /** @returns the operation, if it is its turn. */
  async function current(
    message: Pick<PageMessage, "batch" | "operation">,
  ): Promise<{ readonly batch: BatchRecord; readonly operation: OperationRecord } | undefined> {
    const batch = (await batches.get(message.batch))?.value;
    if (batch === undefined || batch.operations[0]?.seq !== message.operation) return undefined;
    const operation = await batches.operation(message.batch, message.operation);
    return operation && { batch, operation };
  }

  async function isCurrent({ batch, seq }: OperationRecord): Promise<boolean> {
    return (await batches.get(batch))?.value.operations[0]?.seq === seq;
  }

  async function carryOut(message: PageMessage): Promise<void> {
    const found = await current(message);
    const slot = found && slotsOf(found.operation).find((one) => one.slot === message.slot);
    if (found === undefined || slot === undefined) return;
    const { batch, operation } = found;
    const superseded = await pMap(operation.supersedes, (seq) => batches.operation(batch.name, seq));
    const ended = superseded.filter((one) => one !== undefined);
    const deadline = clock() + budgetMs;
    let cursor = await cursorOf(operation, slot);
    while (cursor !== undefined && !cursor.value.done) {
      if (operation.kind === "remove" && (await admission.permitsOf(batch.endpoint, batch.name)) > 0) {
        await sendPages(queue, operation, [slot], message.attempt + 1, clock() + waitForWorkersMs);
        return;
      }
      if (clock() > deadline || parts.ending.aborted) {
        await sendPages(queue, operation, [slot], message.attempt + 1);
        return;
      }
      const moved = await passPage(batch, operation, ended, slot, cursor.value);
      // Another delivery of the message may be faster: then it goes on, and this one follows.
      await batches.advance(batch.name, operation.seq, { ...cursor, value: moved });
      if (!(await isCurrent(operation))) return;
      if (moved.after === cursor.value.after && !moved.done) {
        await sendPages(queue, operation, [slot], message.attempt + 1, clock() + waitForWorkersMs);
        return;
      }
      cursor = await cursorOf(operation, slot);
    }
    await finishIfThrough(batch, operation);
  }

  async function cursorOf(
    { batch, seq }: OperationRecord,
    { slot }: Slot,
  ): Promise<Versioned<OperationCursor>> {
    const found = (await batches.cursors(batch, seq)).find(({ value }) => value.slot === slot);
    const first = { slot, after: "", passed: 0, changed: 0, done: false, at: clock() };
    return found ?? { value: first, version: "" };
  }

  async function passPage(
    batch: BatchRecord,
    operation: OperationRecord,
    superseded: readonly OperationRecord[],
    slot: Slot,
    cursor: OperationCursor,
  ): Promise<OperationCursor> {
    const size = operation.kind === "forget" || operation.forgets ? forgetSize : pageSize;
    if (operation.kind === "remove") {
      const page = operation.forgets ? await mailboxes.page(batch.name, slot, cursor.after, size) : [];
      for (const { value } of page)
        if (value.ledgerId !== undefined && !(await forgetLedger(parts, value.ledgerId, operation.seq)))
          return { ...cursor, at: clock() };
      if (page.length === size)
        return { ...cursor, after: page.at(-1)?.value.id ?? cursor.after, at: clock() };
      await mailboxes.deleteSlot(batch.name, slot);
      return { ...cursor, done: true, at: clock() };
    }
    const page = await readPage(operation, slot, cursor.after, size);
    const place = { operation: operation.seq, since: operation.at };
    const changed = await putToWork(parts, batch.endpoint, page, place, (mailbox) =>
      operatedOn(operation, superseded, mailbox),
    );
    if (changed.length > 0) await admission.admit(batch.endpoint);
    if (operation.kind === "removeMailboxes") {
      const gone = await removeIdle(batch, page);
      if (gone < page.length)
        return { ...cursor, passed: cursor.passed + gone, changed: cursor.changed + gone, at: clock() };
    }
    if (operation.kind === "forget")
      for (const mailbox of changed)
        if (!(await forgetMailbox(parts, mailbox, operation.seq))) return { ...cursor, at: clock() };
    return {
      ...cursor,
      after: page.at(-1)?.value.id ?? cursor.after,
      passed: cursor.passed + page.length,
      changed: cursor.changed + (operation.kind === "removeMailboxes" ? page.length : changed.length),
      done: page.length < size,
      at: clock(),
    };
  }

  /** Removes those that nobody works on any more. @returns how many. */
  async function removeIdle(
    { name, endpoint }: BatchRecord,
    page: readonly Versioned<MailboxRecord>[],
  ): Promise<number> {
    const removed = await pMap(
      page,
      async ({ value: { id } }) => {
        if ((await admission.permit(endpoint, id)) !== undefined) return false;
        await mailboxes.delete(name, id);
        return true;
      },
      { concurrency },
    );
    return removed.filter((is) => is).length;
  }

  async function readPage(
    { batch, selection, slots }: OperationRecord,
    slot: Slot,
    after: string,
    size: number,
  ): Promise<readonly Versioned<MailboxRecord>[]> {
    if (selection.mailboxes === undefined) return mailboxes.page(batch, slot, after, size);
    const ids = [...selection.mailboxes]
      .filter((id) => id > after && (slots === 1 || Number.parseInt(id.slice(0, 1), 16) === slot.slot))
      .sort()
      .slice(0, size);
    const read = await pMap(ids, (id) => mailboxes.get(batch, id), { concurrency });
    return read.filter((mailbox) => mailbox !== undefined);
  }

  /** Slots are often through at the same moment: then one of this process ends the operation, and the others wait for it. */
  async function finishIfThrough(batch: BatchRecord, operation: OperationRecord): Promise<void> {
    const cursors = (await batches.cursors(batch.name, operation.seq)).map(({ value }) => value);
    const through = new Set(cursors.filter(({ done }) => done).map(({ slot }) => slot));
    if (slotsOf(operation).some(({ slot }) => !through.has(slot))) return;
    const key = `${batch.name} ${operation.seq}`;
    const end = finishing.get(key) ?? finish(batch, operation, cursors).finally(() => finishing.delete(key));
    finishing.set(key, end);
    await end;
  }

  async function finish(
    batch: BatchRecord,
    operation: OperationRecord,
    cursors: readonly OperationCursor[],
  ): Promise<void> {
    const { seq } = operation;
    if (operation.kind === "remove") {
      await forget(batch);
      return;
    }
    await parts.refresh(settledOperation(batch, seq) ?? batch);
    const sum = (of: "passed" | "changed") => cursors.reduce((total, cursor) => total + cursor[of], 0);
    const outcome = {
      state: "finished",
      at: clock(),
      passed: sum("passed"),
      changed: sum("changed"),
    } as const;
    for (;;) {
      const stored = await batches.get(batch.name);
      const value = stored && settledOperation(stored.value, seq);
      if (stored === undefined || value === undefined) return;
      if (!(await batches.replace({ ...stored, value }, [{ ...operation, outcome }]))) continue;
      log("operation.finished", {
        batch: batch.name,
        operation: seq,
        kind: operation.kind,
        mailboxes: outcome.changed,
        durationMs: outcome.at - operation.at,
      });
      const [next] = value.operations;
      const following = next && (await batches.operation(batch.name, next.seq));
      if (following) await sendPages(queue, following, slotsOf(following), attemptNow());
      for (const over of [seq, ...operation.supersedes]) await batches.forgetCursors(batch.name, over);
      return;
    }
  }

  async function resume(batch: BatchRecord): Promise<boolean> {
    const [next] = batch.operations;
    if (next === undefined) return false;
    const operation = await batches.operation(batch.name, next.seq);
    if (operation === undefined) {
      // The removal ended between the two writes that forget the batch.
      if (isRemoving(batch)) await forget(batch);
      return false;
    }
    const cursors = (await batches.cursors(batch.name, next.seq)).map(({ value }) => value);
    const standsSince = (slot: number) => cursors.find((cursor) => cursor.slot === slot)?.at ?? operation.at;
    const open = slotsOf(operation).filter(
      ({ slot }) => !cursors.some((one) => one.slot === slot && one.done),
    );
    // Where every slot is through, any of them ends the operation.
    const wanted = open.length > 0 ? open : slotsOf(operation).slice(0, 1);
    const standing = wanted.filter(({ slot }) => clock() - standsSince(slot) >= standstillMs);
    if (standing.length > 0) await sendPages(queue, operation, standing, attemptNow());
    return true;
  }

  /** Another one in each minute: what was lost in one is sent again in the next. */
  function attemptNow(): number {
    return Math.floor(clock() / standstillMs);
  }

  async function forget(batch: BatchRecord): Promise<void> {
    await parts.clear(batch);
    await batches.delete(batch.name);
    log("batch.removed", { batch: batch.name });
  }

  return { carryOut: (message) => patiently(() => carryOut(message), parts.ending), resume };
}
