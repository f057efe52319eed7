/**
 * What differs between a message and its copy, as sentences. Pure. Line ends are no difference, and neither is the one
 * at the very end: servers write them anew.
 */
export function differencesBetween(source: Buffer, copy: Buffer): readonly string[] {
  if (source.equals(copy)) return [];
  const [wanted, found] = [partsOf(source), partsOf(copy)];
  return [
    ...(wanted.header === found.header ? [] : ["The header differs."]),
    ...(wanted.body === found.body
      ? []
      : [`The text or an attachment differs: ${found.body.length} bytes instead of ${wanted.body.length}.`]),
  ];
}

function partsOf(message: Buffer): { readonly header: string; readonly body: string } {
  const text = message.toString("latin1").replace(/\r?\n/g, "\n");
  const blank = text.indexOf("\n\n");
  if (blank < 0) return { header: text.trimEnd(), body: "" };
  return { header: text.slice(0, blank), body: text.slice(blank + 2).trimEnd() };
}
