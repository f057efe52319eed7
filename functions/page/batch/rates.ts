import type { SampleListAnswer } from "../api/types.ts";

export interface Rate {
  /** When it was taken. */
  readonly at: string;
  readonly perMinute: number;
}

/** How many messages a minute there were between one sample and the next. Pure. @param samples oldest first. */
export function ratesOf(samples: SampleListAnswer["value"]): readonly Rate[] {
  return samples.flatMap((sample, index) => {
    const before = samples[index - 1];
    if (before === undefined) return [];
    const minutes = (Date.parse(sample.at) - Date.parse(before.at)) / 60_000;
    const perMinute = minutes > 0 ? Math.max(0, sample.itemCount - before.itemCount) / minutes : 0;
    return [{ at: sample.at, perMinute }];
  });
}

/** The points of a line from the left to the right of a field, the highest rate at its top. Pure. */
export function lineOf(rates: readonly Rate[], width: number, height: number): string {
  const most = Math.max(1, ...rates.map(({ perMinute }) => perMinute));
  return rates
    .map(({ perMinute }, index) => {
      const x = rates.length < 2 ? 0 : (index * width) / (rates.length - 1);
      const y = height - 1 - (perMinute / most) * (height - 2);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}
