/**
 * Feeds random hostile input to a part of the application for as long as it is given, and says what the worst of it cost.
 *
 *     npm run fuzz -- --part files|imap|mime --minutes 60 [--seed text]
 *
 * Ends with 1 if anything crashed, hung or broke a limit. A case that did is repeated by the seed that is printed with it,
 * with `--minutes 0`.
 */
import { parseArgs } from "node:util";

export interface FuzzOptions {
  /** Milliseconds since 1970 at which no new case is begun. */
  readonly until: number;
  /** Of the run; with it all is repeatable. */
  readonly seed: string;
  /** True to run the one case of the seed and nothing else. */
  readonly once: boolean;
}

/** @returns false if anything broke a limit. */
export type Fuzz = (options: FuzzOptions) => Promise<boolean>;

const parts: Readonly<Record<string, () => Promise<{ readonly fuzz: Fuzz }>>> = {
  files: () => import("./files.ts"),
  imap: () => import("./imap.ts"),
  mime: () => import("./mime.ts"),
};

const { values } = parseArgs({
  options: {
    part: { type: "string" },
    minutes: { type: "string", default: "1" },
    seed: { type: "string" },
  },
});
const load = parts[values.part ?? ""];
const minutes = Number(values.minutes);
if (load === undefined || !(minutes >= 0)) {
  console.error(`usage: npm run fuzz -- --part ${Object.keys(parts).join("|")} --minutes N [--seed text]`);
  process.exit(2);
}
const { fuzz } = await load();
const ok = await fuzz({
  until: Date.now() + minutes * 60_000,
  seed: values.seed ?? String(Date.now()),
  once: values.seed !== undefined && minutes === 0,
});
process.exit(ok ? 0 : 1);
