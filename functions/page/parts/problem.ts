/** How Fluent UI is told what is wrong with a field. */
export function problem(text: string | undefined) {
  return text === undefined ? {} : { validationMessage: text, validationState: "error" as const };
}
