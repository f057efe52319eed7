import type { Uid } from "../../domain/names.ts";

/** Messages as a target wants them: the oldest or the newest first. Pure. */
export function inOrder<Message extends { readonly uid: Uid }>(
  messages: readonly Message[],
  order: "ascending" | "descending",
): Message[] {
  const sign = order === "ascending" ? 1 : -1;
  return messages.toSorted((a, b) => sign * (a.uid - b.uid));
}
