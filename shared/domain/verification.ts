import { z } from "zod";

/** How closely a mailbox is compared: folders and their counts, every message, or a sample of messages byte by byte as well. */
export const verificationLevelSchema = z.enum(["counts", "items", "content"]);
export type VerificationLevel = z.infer<typeof verificationLevelSchema>;

/** Messages of a mailbox that are compared byte by byte. */
export const defaultSample = 20;
export const maxSample = 10_000;

export const verificationRequestSchema = z.strictObject({
  level: verificationLevelSchema.default("items"),
  sample: z.int().min(1).max(maxSample).default(defaultSample),
});
export type VerificationRequest = z.infer<typeof verificationRequestSchema>;

/** Differences that nobody but a user of the target makes; they are told of and are no loss. */
export const userDifferences = ["DeletedInTarget", "MovedInTarget", "FlagsDiffer"] as const;

/** What may differ between source, ledger and target. Stable, and documented in infra/docs/error-codes.md. */
export const differenceKinds = [
  "Missing",
  "Duplicate",
  "DateDiffers",
  "NotReadable",
  "Unexpected",
  "ContentDiffers",
  "FolderMissing",
  "FolderShort",
  ...userDifferences,
] as const;
export type DifferenceKind = (typeof differenceKinds)[number];

/** How often each kind was found. Absent means never. */
export type DifferenceCounts = Readonly<Partial<Record<DifferenceKind, number>>>;

/** True for what users did themselves. */
export function isByUser(kind: DifferenceKind): boolean {
  return (userDifferences as readonly DifferenceKind[]).includes(kind);
}
