/** Who did something, in words. @param by object id in Entra, `app` or `local`. Pure. */
export function whoIs(by: string): string {
  if (by === "app") return "The application";
  return by === "local" ? "This machine" : by;
}
