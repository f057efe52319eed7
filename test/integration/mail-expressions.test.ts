import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "recheck";
import { describe, expect, it } from "vitest";

const shared = join(import.meta.dirname, "../../shared");
const room = join(shared, "adapters/graph/mime");
const files = [
  ...readdirSync(room).map((name) => join(room, name)),
  join(shared, "domain/mail-date.ts"),
  join(shared, "migration/sync/received-date.ts"),
];

/** A regular expression in the text of a program, after what an expression may stand behind. */
const literal =
  /(?<=[=(,:?&|!\s]|^)\/((?![*/])(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([dgimsuy]*)(?=[\s.,;)\]:?]|$)/gm;

interface Expression {
  readonly source: string;
  readonly flags: string;
}

function expressionsOf(file: string): readonly Expression[] {
  const text = readFileSync(file, "utf8");
  const literals = [...text.matchAll(literal)].map(([, source = "", flags = ""]) => ({ source, flags }));
  return literals.filter(isExpression);
}

/** Two slashes of a division or a comment may look like one. */
function isExpression({ source, flags }: Expression): boolean {
  try {
    return new RegExp(source, flags) instanceof RegExp;
  } catch {
    return false;
  }
}

/** Expressions that are put together at run time, as they are made. */
async function madeBy(load: () => Promise<unknown>): Promise<readonly Expression[]> {
  const made: Expression[] = [];
  const Original = globalThis.RegExp;
  globalThis.RegExp = new Proxy(Original, {
    construct(target, parameters: [string, string?]) {
      const expression = new target(...parameters);
      made.push({ source: expression.source, flags: expression.flags });
      return expression;
    },
  });
  try {
    await load();
  } finally {
    globalThis.RegExp = Original;
  }
  return made;
}

async function dangerous(expressions: readonly Expression[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { source, flags } of expressions) {
    const { status } = await check(source, flags, { timeout: 60_000 });
    if (status !== "safe") found.push(`/${source}/${flags} is ${status}`);
  }
  return found;
}

describe("regular expressions over mail", () => {
  it("are found in the text of the program, dangerous ones as such", async () => {
    const all = files.flatMap(expressionsOf);
    expect(all.length).toBeGreaterThan(60);
    expect(await dangerous([{ source: "\\s*,$", flags: "" }])).toHaveLength(1);
  });

  it.each(files.filter((file) => expressionsOf(file).length > 0))("take linear time in %s", async (file) => {
    expect(await dangerous(expressionsOf(file))).toEqual([]);
  });

  it("take linear time where dates are read", async () => {
    const made = await madeBy(() => import("../../shared/domain/mail-date.ts"));
    expect(made).toHaveLength(4);
    // Dates are cut to 256 characters before they are read.
    expect((await dangerous(made)).filter((what) => !what.includes("vulnerable"))).toEqual([]);
  });
});
