import { buffer } from "node:stream/consumers";
import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { reportFiles, status } from "../shared/composition.ts";
import type { ReportListAnswer } from "../shared/domain/api/files.ts";
import { batchParams, reportParams } from "../shared/domain/api/requests.ts";
import { errorResponse, route } from "./http.ts";

/** Bytes of a report that an answer holds in memory; larger ones are read from the container. */
const maxReportBytes = 64 * 1024 * 1024;

export async function listReports(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const files = await (await reportFiles()).list(batch);
  if (files.length === 0 && (await (await status()).batch(batch)) === undefined)
    return errorResponse(404, "BatchNotFound", "There is no batch of this name.");
  const value = files.map(({ name, size, modifiedAt }) => ({
    name,
    size,
    modifiedAt: new Date(modifiedAt).toISOString(),
  }));
  return { jsonBody: { value, nextLink: null } satisfies ReportListAnswer };
}

export async function getReport(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch, report } = reportParams.parse(request.params);
  const name = report.replace(/\.csv$/, "");
  const opened = await (await reportFiles()).open(batch, name);
  if (opened === undefined)
    return errorResponse(404, "ReportNotFound", "There is no such report of this batch yet.");
  if (opened.file.size > maxReportBytes) {
    opened.content.destroy();
    return errorResponse(
      413,
      "ReportTooLarge",
      `The report has ${opened.file.size} bytes. Read it from the container reports, as ${batch}/${name}.csv.`,
    );
  }
  return {
    body: await buffer(opened.content),
    headers: {
      "Content-Type": "text/csv; charset=utf-8",
      "Content-Disposition": `attachment; filename="${batch}-${name}.csv"`,
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
    },
  };
}

route("reports-list", listReports);
route("reports-get", getReport);
