/** A left element with the right element it was given. */
export type Pair<L, R> = readonly [L, R];

/** All ways to pair as many elements of two lists as possible, each element once. */
export function matchings<L, R>(left: readonly L[], right: readonly R[]): readonly (readonly Pair<L, R>[])[] {
  if (left.length > right.length)
    return matchings(right, left).map((pairs) => pairs.map(([r, l]): Pair<L, R> => [l, r]));
  const [first, ...rest] = left;
  if (first === undefined) return [[]];
  return right.flatMap((partner, index) =>
    matchings(rest, right.toSpliced(index, 1)).map((pairs): readonly Pair<L, R>[] => [
      [first, partner],
      ...pairs,
    ]),
  );
}
