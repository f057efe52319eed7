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

/** Of each figure the median. @param measured one at least. */
export function median(measured: readonly Measured[]): Measured {
  const of = (figure: keyof Measured): number => {
    const sorted = measured.map((one) => one[figure]).sort((a, b) => a - b);
    return Math.round((sorted[sorted.length >> 1] ?? Number.NaN) * 100) / 100;
  };
  return {
    seconds: of("seconds"),
    copyingSeconds: of("copyingSeconds"),
    cpuSeconds: of("cpuSeconds"),
    peakMB: of("peakMB"),
  };
}
