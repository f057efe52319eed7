import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import jsTokens from "js-tokens";
import { analyse } from "scslre";
import { expect, test } from "vitest";

/** Expressions that are slow on long texts, and are given none: each with what bounds its text. */
const bounded: Readonly<Record<string, string>> = {
  "shared/config.ts /\\/+$/": "a setting",
  "shared/migration/upload/upload-name.ts /\\.[^/]*$/": "a blob's name",
  "shared/adapters/graph/index.ts /\\/+$/": "a setting",
  "shared/adapters/graph/send-mail.ts /\\/+$/": "a setting",
  "functions/page/new/draft.ts /-+$/": "255 characters of a name",
  "functions/page/batch/remedies.ts /\\[([^\\]]+)\\]\\([^)]*\\)/g": "our own sentence about a code",
  "shared/adapters/imap/utf7.ts /=+$/": "base64 as it was made here ends with two at most",
  "shared/adapters/imap/folder-paths.ts /\\/+$/": "UserRoot, from a row of the CSV",
};

/** Every expression of the application that a text can make slow: more than linear in its length. */
async function slowExpressions(): Promise<string[]> {
  const slow: string[] = [];
  for await (const file of glob("{shared,functions}/**/*.ts"))
    for (const { type, value } of jsTokens(readFileSync(file, "utf8"))) {
      if (type !== "RegularExpressionLiteral") continue;
      const end = value.lastIndexOf("/");
      const { reports } = analyse({ source: value.slice(1, end), flags: value.slice(end + 1) });
      if (reports.length > 0) slow.push(`${file.replaceAll("\\", "/")} ${value}`);
    }
  return slow;
}

test("no regular expression over text from outside takes more than linear time", async () => {
  const slow = (await slowExpressions()).filter((expression) => !(expression in bounded));
  expect(slow).toEqual([]);
});

test("the check knows a slow expression", () => {
  expect(analyse({ source: "(a+)+b", flags: "" }).reports).not.toEqual([]);
  expect(analyse({ source: "^[ \\t]*([^;]+)$", flags: "" }).reports).not.toEqual([]);
});
