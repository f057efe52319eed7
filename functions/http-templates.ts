import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { templateParams } from "../shared/domain/api/requests.ts";
import type { TemplateKind } from "../shared/domain/upload-columns.ts";
import { templateOf } from "../shared/migration/upload/templates.ts";
import { route } from "./http.ts";

/** A CSV to begin with. */
export async function getTemplate(request: HttpRequest): Promise<HttpResponseInit> {
  const { template } = templateParams.parse(request.params);
  return {
    body: templateOf(template.replace(/\.csv$/, "") as TemplateKind),
    headers: {
      "Content-Type": "text/csv; charset=utf-8",
      "Content-Disposition": `attachment; filename="${template}"`,
      "X-Content-Type-Options": "nosniff",
    },
  };
}

route("templates-get", getTemplate);
