const begin = "<!-- conformance:begin, written by npm run conformance -- --write -->";
const end = "<!-- conformance:end -->";

/**
 * A page in which this table stands between the two markers, whatever stood there before. Repeatable.
 * @throws Error where the markers are missing, or are there twice.
 */
export function withTable(page: string, table: string): string {
  const [before, between, ...more] = page.split(begin);
  const [, after, ...rest] = between?.split(end) ?? [];
  if (before === undefined || after === undefined || more.length > 0 || rest.length > 0)
    throw new Error(`The page must hold "${begin}" and "${end}" once each, in this order.`);
  return `${before}${begin}\n\n${table.trim()}\n\n${end}${after}`;
}
