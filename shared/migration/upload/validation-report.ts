import { type CsvValue, writeCsv } from "../csv-writer.ts";
import type { UploadIssue } from "./issues.ts";

/** Issues that are listed: who has more mends those first, or the export. */
const maxIssues = 1_000;

const header = ["line", "emailAddress", "column", "code", "message"];

/** `validation.csv`: one line an issue, and after the first 1,000 how many more there are; headers only if there is none. */
export function validationReport(
  issues: AsyncIterable<UploadIssue> | Iterable<UploadIssue>,
): AsyncIterable<string> {
  return writeCsv(header, rowsOf(issues));
}

async function* rowsOf(
  issues: AsyncIterable<UploadIssue> | Iterable<UploadIssue>,
): AsyncGenerator<readonly CsvValue[]> {
  let count = 0;
  for await (const issue of issues)
    if (++count <= maxIssues) yield [issue.line, issue.emailAddress, issue.column, issue.code, issue.message];
  if (count > maxIssues)
    yield [
      0,
      undefined,
      undefined,
      "IssuesNotListed",
      `Another ${count - maxIssues} issues are not listed here.`,
    ];
}
