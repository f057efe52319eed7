import { type Draft, emptyDraft } from "./draft.ts";

const key = "new-migration";

/** What was entered before the page was left, or its session ended. */
export function keptDraft(): Draft {
  try {
    return { ...emptyDraft, ...(JSON.parse(sessionStorage.getItem(key) ?? "{}") as Partial<Draft>) };
  } catch {
    return emptyDraft;
  }
}

export function keepDraft(draft: Draft | undefined): void {
  try {
    if (draft === undefined) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(draft));
  } catch {
    // Where nothing may be kept it holds until the page is left.
  }
}
