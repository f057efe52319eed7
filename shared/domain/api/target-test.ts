import { z } from "zod";
import { instant } from "./common.ts";

const address = z.string().trim().min(3).max(320);

/** Body of `POST /target/test`. Unknown keys are refused. */
export const targetTestRequestSchema = z.strictObject({
  mailbox: address.meta({
    description: "Address of a mailbox of the tenant that may be written to.",
    examples: ["pilot@contoso.com"],
  }),
  alias: address
    .optional()
    .meta({ description: "Another address of it; without, one is looked for.", examples: ["p@contoso.com"] }),
  outside: address.optional().meta({
    description: "Address of a mailbox that the app is not meant to reach.",
    examples: ["ceo@contoso.com"],
  }),
  experiments: z
    .boolean()
    .optional()
    .meta({
      description: "Whether ways to write mail are tried that the product does not use yet.",
      examples: [true],
    }),
});
export type TargetTestRequest = z.infer<typeof targetTestRequestSchema>;

const stepSchema = z.object({
  step: z.string(),
  asked: z.string(),
  outcome: z.enum(["ok", "warning", "failed", "skipped"]),
  answered: z.string(),
  code: z.string().optional(),
  remedy: z.string().optional(),
  durationMs: z.number(),
});

/** A test as it is stored and shown. */
export const targetTestSchema = z
  .object({
    id: z.string(),
    status: z.enum(["Waiting", "Running", "Passed", "Failed", "Interrupted"]).meta({
      description:
        "`Passed` with warnings, too. `Interrupted`: it ended in the middle, and the next one tidies up.",
    }),
    request: targetTestRequestSchema,
    createdAt: instant,
    startedAt: instant.nullable(),
    endedAt: instant.nullable(),
    steps: z.array(stepSchema),
  })
  .meta({ id: "TargetTest" });
export type TargetTest = z.infer<typeof targetTestSchema>;
