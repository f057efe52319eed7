/** Whether a sequence set (RFC 9051, section 9) holds a number; `*` is the highest number there is. */
export function inSequenceSet(set: string, value: number, highest: number): boolean {
  const numberOf = (text: string) => (text === "*" ? highest : Number(text));
  return set.split(",").some((part) => {
    const [from = "", to = from] = part.split(":");
    const [low, high] = [numberOf(from), numberOf(to)].sort((a, b) => a - b);
    return low !== undefined && high !== undefined && value >= low && value <= high;
  });
}

/** Numbers in ascending order as a sequence set. */
export function formatSequenceSet(values: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const value of values) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === value - 1) last[1] = value;
    else ranges.push([value, value]);
  }
  return ranges.map(([low, high]) => (low === high ? `${low}` : `${low}:${high}`)).join(",");
}
