import type { DomainRecord, DomainStore } from "../ports/domain-store.ts";
import { newDomain } from "./domain-history.ts";

/**
 * Applies a change to what is known of a domain, deciding anew whenever somebody else changed it. A change that gives back
 * the same object writes nothing.
 * @param change pure.
 * @returns the record before and after.
 */
export async function changeDomain(
  domains: DomainStore,
  domain: string,
  change: (record: DomainRecord) => DomainRecord,
): Promise<{ readonly before: DomainRecord; readonly after: DomainRecord }> {
  for (;;) {
    const stored = await domains.get(domain);
    const before = stored?.value ?? newDomain(domain);
    const after = change(before);
    const done =
      after === before ||
      (stored ? await domains.replace({ ...stored, value: after }) : await domains.create(after));
    if (done) return { before, after };
  }
}
