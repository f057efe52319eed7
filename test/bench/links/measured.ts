/** What one copy of a mailbox cost. */
export interface Measured {
  /** From the order to the end. */
  readonly seconds: number;
  /** Those of them after what leads up to the first message; for programs that do not tell it the same. */
  readonly copyingSeconds: number;
  /** Processor time of the program itself. */
  readonly cpuSeconds: number;
  readonly peakMB: number;
}

/** Of each figure the median, to hundredths. @param measured one at least. */
export function median<Figures extends object>(measured: readonly Figures[]): Figures {
  const [first = {}] = measured;
  const of = (figure: string): number => {
    const figures = measured.map((one) => Number(one[figure as keyof Figures]));
    return Math.round(middleOf(figures) * 100) / 100;
  };
  return Object.fromEntries(Object.keys(first).map((figure) => [figure, of(figure)])) as Figures;
}

/** The median of one figure; NaN if there is none. */
export function middleOf(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? Number.NaN;
}
