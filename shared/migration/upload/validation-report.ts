import { type CsvValue, writeCsv } from "../csv-writer.ts";
import type { UploadIssue } from "./issues.ts";

const header = ["line", "emailAddress", "column", "code", "message"];

/** `validation.csv`: one line an issue; headers only if there is none. */
export function validationReport(
  issues: AsyncIterable<UploadIssue> | Iterable<UploadIssue>,
): AsyncIterable<string> {
  return writeCsv(header, rowsOf(issues));
}

async function* rowsOf(
  issues: AsyncIterable<UploadIssue> | Iterable<UploadIssue>,
): AsyncGenerator<readonly CsvValue[]> {
  for await (const issue of issues)
    yield [issue.line, issue.emailAddress, issue.column, issue.code, issue.message];
}
