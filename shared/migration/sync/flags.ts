/** Flags that never travel: \Recent belongs to a session, \Deleted marks what is not to be copied. */
const neverCopied = new Set(["\\recent", "\\deleted"]);

/** True if the message is marked for removal at the source. */
export function isMarkedDeleted(flags: readonly string[]): boolean {
  return flags.some((flag) => flag.toLowerCase() === "\\deleted");
}

/** The flags that are copied, sorted, each once whatever its case. */
export function copiedFlags(flags: readonly string[]): readonly string[] {
  const byName = new Map<string, string>();
  for (const flag of flags) if (!neverCopied.has(flag.toLowerCase())) byName.set(flag.toLowerCase(), flag);
  return [...byName.values()].sort();
}

export interface FlagChange {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/**
 * What has to change in the target so that it follows the source, leaving alone what the user changed there.
 * @param before source flags when we last wrote them.
 * @param after source flags now.
 * @param current target flags now.
 * All three in the form the target can hold.
 */
export function flagChange(
  before: readonly string[],
  after: readonly string[],
  current: readonly string[],
): FlagChange {
  const [was, is, has] = [lowerSet(before), lowerSet(after), lowerSet(current)];
  return {
    add: after.filter((flag) => !was.has(flag.toLowerCase()) && !has.has(flag.toLowerCase())),
    remove: before.filter((flag) => !is.has(flag.toLowerCase()) && has.has(flag.toLowerCase())),
  };
}

/** True if both hold the same flags, whatever their order and case. */
export function sameFlags(a: readonly string[], b: readonly string[]): boolean {
  const [left, right] = [lowerSet(a), lowerSet(b)];
  return left.size === right.size && [...left].every((flag) => right.has(flag));
}

/** Exchange and mail programs set it when a receipt was sent, and so does this product, lest one is. */
export function withoutReceipt(flags: readonly string[]): readonly string[] {
  return flags.filter((flag) => !["$mdnsent", "\\recent"].includes(flag.toLowerCase()));
}

function lowerSet(flags: readonly string[]): Set<string> {
  return new Set(flags.map((flag) => flag.toLowerCase()));
}
