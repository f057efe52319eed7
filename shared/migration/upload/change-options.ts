import type { BatchOptions } from "../../domain/batch-options.ts";
import type { BatchName } from "../../domain/names.ts";
import { type Refused, refusal } from "../batch/acts.ts";
import { isRemoving, touched, wasStarted } from "../batch/life.ts";
import { wakeTending } from "../control/sweeps.ts";
import type { SettingIssue } from "../endpoints/json-file.ts";
import type { BatchRecord, BatchStore } from "../ports/registry.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import type { Clock, Log } from "../runtime.ts";
import { optionsETag, optionsView } from "../status/options-view.ts";
import { parseBatchOptionsFile } from "./batch-options-file.ts";

export type OptionsOutcome =
  | { readonly outcome: "done" | "notFound" | "unconditional" | "changed" }
  | { readonly outcome: "invalid"; readonly issues: readonly SettingIssue[] }
  | (Refused & { readonly outcome: "refused" });

/** Options that say how a batch begins. */
const ofTheStart = ["autoStart", "startAfter", "testLogins"] as const;

/**
 * Changes options of a batch, in one write with the note of who did it. Steps that begin later heed them. Repeatable.
 * @param patch new values by the names of the options; null for the default.
 * @param expected the `optionsETag` that the caller saw, or `*`.
 * @param by object id of the caller in Entra.
 */
export type ChangeOptions = (
  name: BatchName,
  patch: Readonly<Record<string, unknown>>,
  expected: string | undefined,
  by: string,
) => Promise<OptionsOutcome>;

/** Creates the use case behind the PATCH of a batch. */
export function createOptionsChange(parts: {
  readonly batches: BatchStore;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly log: Log;
}): ChangeOptions {
  const { batches, queue, clock, log } = parts;
  return async (name, patch, expected, by) => {
    for (;;) {
      const stored = await batches.get(name);
      if (stored === undefined) return { outcome: "notFound" };
      if (expected === undefined) return { outcome: "unconditional" };
      const { options } = stored.value;
      if (expected !== "*" && expected !== optionsETag(options)) return { outcome: "changed" };
      const parsed = parseBatchOptionsFile(JSON.stringify(patched(options, patch)));
      if ("issues" in parsed) return { outcome: "invalid", issues: parsed.issues };
      const refused = refusalOf(stored.value, parsed.value);
      if (refused) return { outcome: "refused", ...refused };
      const changes = changesOf(options, parsed.value);
      if (changes.length === 0) return { outcome: "done" };
      const now = clock();
      const value = touched({ ...stored.value, options: parsed.value }, now);
      const entry = { batch: name, at: now, by, act: "changeOptions", changes } as const;
      if (!(await batches.replace({ ...stored, value }, [], [entry]))) continue;
      log("options.changed", { batch: name, options: changes.map(({ option }) => option).join() });
      await wakeTending(queue, name, now);
      return { outcome: "done" };
    }
  };
}

function patched(options: BatchOptions, patch: Readonly<Record<string, unknown>>): object {
  const next: Record<string, unknown> = { ...optionsView(options), ...patch };
  return Object.fromEntries(Object.entries(next).filter(([, value]) => value !== null));
}

function refusalOf(batch: BatchRecord, next: BatchOptions): Refused | undefined {
  if (isRemoving(batch)) return refusal("BatchRemoving", "The batch is being removed.");
  if (!wasStarted(batch)) return undefined;
  const late = changesOf(batch.options, next).filter(({ option }) =>
    ofTheStart.some((name) => name === option),
  );
  return late.length === 0
    ? undefined
    : refusal(
        "BatchStarted",
        `The batch was started, which is what ${late.map(({ option }) => option).join(", ")} is about.`,
      );
}

function changesOf(before: BatchOptions, after: BatchOptions) {
  const [old, next]: Record<string, unknown>[] = [optionsView(before), optionsView(after)];
  const text = (value: unknown) => (value === undefined ? "" : JSON.stringify(value));
  return [...new Set([...Object.keys(old ?? {}), ...Object.keys(next ?? {})])]
    .map((option) => ({ option, before: text(old?.[option]), after: text(next?.[option]) }))
    .filter((change) => change.before !== change.after);
}
