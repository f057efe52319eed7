type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** What is measured, with its unit (UCUM) and how values of one minute are put together. */
export const instruments = {
  "migration.items": { kind: "sum", unit: "{message}" },
  "migration.bytes": { kind: "sum", unit: "By" },
  "migration.skipped": { kind: "sum", unit: "{message}" },
  "migration.throttled": { kind: "sum", unit: "{mailbox}" },
  "migration.failures": { kind: "sum", unit: "{mailbox}" },
  "migration.queue_age": { kind: "last", unit: "s" },
} as const;

export type InstrumentName = keyof typeof instruments;

export interface Measure {
  readonly name: InstrumentName;
  readonly value: number;
  /** Few values each: every combination is a time series of its own. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** The measures an event stands for, so that metrics and queries over events never differ. Pure. */
export function measuresOf(event: string, fields: Fields): readonly Measure[] {
  switch (event) {
    case "chunk.copied":
      return [
        measure("migration.items", fields.items, fields, ["batch", "endpoint"]),
        measure("migration.bytes", fields.bytes, fields, ["batch", "endpoint"]),
      ];
    case "item.skipped":
      return [measure("migration.skipped", 1, fields, ["batch", "endpoint", "code"])];
    case "mailbox.deferred":
      return fields.kind === "throttled"
        ? [measure("migration.throttled", 1, fields, ["batch", "code"])]
        : [];
    case "mailbox.failed":
      return [measure("migration.failures", 1, fields, ["batch", "code"])];
    case "queue.measured":
      return [measure("migration.queue_age", Number(fields.queueAgeMs) / 1000, fields, ["endpoint"])];
    default:
      return [];
  }
}

function measure(
  name: InstrumentName,
  value: Fields[string],
  fields: Fields,
  dimensions: readonly string[],
): Measure {
  const attributes = dimensions.flatMap((dimension) => {
    const given = fields[dimension];
    return given === undefined ? [] : [[dimension, String(given)]];
  });
  return { name, value: Number(value), attributes: Object.fromEntries(attributes) };
}
