import type { EndpointView } from "../api/types.ts";
import { isWhole } from "../options/options.ts";

/** How much is asked of a server, and when, as a form holds it; empty where nothing is said. */
export interface ProtectionDraft {
  readonly maxConcurrentMigrations: string;
  readonly maxConcurrentIncrementalSyncs: string;
  readonly megabytesPerSecond: string;
  readonly maxMessagesPerSecond: string;
  readonly megabytesPerDay: string;
  readonly from: string;
  readonly to: string;
  readonly timeZone: string;
}

export interface ProtectionFault {
  readonly field: keyof ProtectionDraft;
  readonly text: string;
}

const megabyte = 1_000_000;
/** The API takes no less. */
const leastBytesPerSecond = 10_000;

/** @param timeZone of the reader, where the endpoint names none. Pure. */
export function protectionOf(settings: EndpointView, timeZone: string): ProtectionDraft {
  const { readingHours } = settings;
  return {
    maxConcurrentMigrations: String(settings.maxConcurrentMigrations),
    maxConcurrentIncrementalSyncs: String(settings.maxConcurrentIncrementalSyncs),
    megabytesPerSecond: megabytesOf(settings.maxBytesPerSecond),
    maxMessagesPerSecond: textOf(settings.maxMessagesPerSecond),
    megabytesPerDay: megabytesOf(settings.maxBytesPerDayPerMailbox),
    from: readingHours?.from ?? "",
    to: readingHours?.to ?? "",
    timeZone: readingHours?.timeZone ?? timeZone,
  };
}

/** What is wrong with it. The API holds it to its own rules as well. Pure. */
export function protectionFaultsOf(draft: ProtectionDraft): readonly ProtectionFault[] {
  const faults: ProtectionFault[] = [];
  const need = (isRight: boolean, field: ProtectionFault["field"], text: string) => {
    if (!isRight) faults.push({ field, text });
  };
  for (const field of ["maxConcurrentMigrations", "maxConcurrentIncrementalSyncs"] as const)
    need(isWhole(draft[field], 1, 1_000_000), field, "A whole number, 1 at least.");
  need(
    isEmpty(draft.megabytesPerSecond) || (bytesOf(draft.megabytesPerSecond) ?? 0) >= leastBytesPerSecond,
    "megabytesPerSecond",
    "A number of megabytes, 0.01 at least, such as 2.5.",
  );
  need(
    isEmpty(draft.maxMessagesPerSecond) || isWhole(draft.maxMessagesPerSecond, 1, 1_000_000),
    "maxMessagesPerSecond",
    "A whole number, 1 at least.",
  );
  need(
    isEmpty(draft.megabytesPerDay) || (bytesOf(draft.megabytesPerDay) ?? 0) > 0,
    "megabytesPerDay",
    "A number of megabytes, such as 2500.",
  );
  if (hasHours(draft)) {
    need(!isEmpty(draft.from), "from", "When they begin is missing.");
    need(!isEmpty(draft.to), "to", "When they end is missing.");
    need(draft.from !== draft.to, "to", "They end when they begin: leave both empty to read at any time.");
    need(!isEmpty(draft.timeZone), "timeZone", "By whose clocks is missing, such as Europe/Berlin.");
  }
  return faults;
}

/** The settings with what a sound form says; all else stays as it is. Pure. */
export function withProtection(settings: EndpointView, draft: ProtectionDraft): EndpointView {
  const {
    maxBytesPerSecond: _bytes,
    maxMessagesPerSecond: _messages,
    maxBytesPerDayPerMailbox: _day,
    readingHours: _hours,
    ...others
  } = settings;
  const perSecond = bytesOf(draft.megabytesPerSecond);
  const perDay = bytesOf(draft.megabytesPerDay);
  const { from, to, timeZone } = draft;
  return {
    ...others,
    maxConcurrentMigrations: Number(draft.maxConcurrentMigrations),
    maxConcurrentIncrementalSyncs: Number(draft.maxConcurrentIncrementalSyncs),
    ...(perSecond === undefined ? {} : { maxBytesPerSecond: perSecond }),
    ...(isEmpty(draft.maxMessagesPerSecond)
      ? {}
      : { maxMessagesPerSecond: Number(draft.maxMessagesPerSecond) }),
    ...(perDay === undefined ? {} : { maxBytesPerDayPerMailbox: perDay }),
    ...(hasHours(draft) ? { readingHours: { from, to, timeZone: timeZone.trim() } } : {}),
  };
}

function hasHours({ from, to }: ProtectionDraft): boolean {
  return !isEmpty(from) || !isEmpty(to);
}

function isEmpty(text: string): boolean {
  return text.trim() === "";
}

function textOf(value: number | undefined): string {
  return value === undefined ? "" : String(value);
}

function megabytesOf(bytes: number | undefined): string {
  return bytes === undefined ? "" : String(bytes / megabyte);
}

/** @returns undefined where it is no number. */
function bytesOf(megabytes: string): number | undefined {
  const text = megabytes.trim().replace(",", ".");
  return /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Math.round(Number(text) * megabyte) : undefined;
}
