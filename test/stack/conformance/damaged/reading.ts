import { createHash } from "node:crypto";
import type { Truth } from "./base-messages.ts";

/** How a program reads a message. */
export interface Reading {
  readonly subject: string;
  readonly from: readonly [name: string, address: string];
  /** All texts that are to be read; undefined where a program does not tell. */
  readonly text: string | undefined;
  /** Name and digest of each file; an empty digest where a program does not tell. */
  readonly files: readonly (readonly [name: string, digest: string])[];
}

/** The points of a message that readings are compared by. */
export const points = ["subject", "from", "text", "files"] as const;
export type Point = (typeof points)[number];

/** SHA-256 without what line ends and the end of a part change. */
export function digest(content: Buffer): string {
  const text = content.toString("latin1").replaceAll("\r\n", "\n").replace(/\n+$/, "");
  return createHash("sha256").update(text, "latin1").digest("hex");
}

/** The points in which a reading is the truth. What a program does not tell counts as agreement. */
export function agreement(reading: Reading, truth: Truth): ReadonlySet<Point> {
  const { subject, from, text, files } = reading;
  const agrees: Readonly<Record<Point, boolean>> = {
    subject: subject.trim() === truth.subject,
    from: from[0] === truth.from.name && from[1] === truth.from.address,
    text: text === undefined || truth.words.every((word) => text.includes(word)),
    files: truth.files.every((file) =>
      files.some(
        ([name, sum]) =>
          comparable(name) === comparable(file.name) && (sum === "" || sum === digest(file.content)),
      ),
    ),
  };
  return new Set(points.filter((point) => agrees[point]));
}

/** Names as Exchange takes them. */
function comparable(name: string): string {
  return name.replace(/[/\\:*?"<>|]/g, "_").normalize();
}
