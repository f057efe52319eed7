const maxLength = 200;

/** What a server says, fit to be shown: one line without control characters, shortened to 200 characters. */
export function printable(text: string): string {
  const line = text.replace(/[^\x20-\x7e]+/g, "?").trim();
  return line.length > maxLength ? `${line.slice(0, maxLength - 3)}...` : line;
}
