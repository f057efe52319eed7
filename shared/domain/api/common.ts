import { z } from "zod";

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** What an answer of this schema holds. */
export type Shown<Schema extends z.ZodType> = DeepReadonly<z.output<Schema>>;

/** An instant as answers show it: ISO 8601, UTC. */
export const instant = z.iso.datetime().meta({ examples: ["2026-11-30T08:00:00.000Z"] });

export const count = z.int().nonnegative();
export const bytes = count.meta({ description: "Bytes." });
export const percentage = z.int().min(0).max(100);

export const noEstimateSchema = z
  .enum(["done", "estimating", "stalled", "paused", "stopped"])
  .meta({ description: "Why there is no estimate." });

/** Something that went wrong and when. */
export const recordedErrorSchema = z.strictObject({
  code: z.string().meta({ description: "Stable; see Troubleshooting." }),
  message: z.string().meta({ description: "A sentence that an operator can act on." }),
  at: instant,
});

/** A page of a list. @param next true if there may be further pages. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({
    value: z.array(item),
    nextLink: z.url().nullable().meta({ description: "The address of the next page." }),
  });
}

/** Every answer that is no success. */
export const errorAnswerSchema = z
  .strictObject({
    error: z.strictObject({
      code: z.string().meta({ description: "Stable." }),
      message: z.string().meta({ description: "A sentence that an operator can act on." }),
      details: z.unknown().optional().meta({ description: "More of it, where there is more." }),
    }),
  })
  .meta({ id: "Error" });
