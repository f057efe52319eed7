import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";
import { errorAnswerSchema } from "../shared/domain/api/common.ts";
import { type Contract, contracts } from "../shared/domain/api/contract.ts";
import { type Route, type RouteName, routes } from "../shared/domain/api/routes.ts";
import { version } from "../shared/version.ts";

type OpenApiDocument = ReturnType<typeof createDocument>;
type Responses = ZodOpenApiOperationObject["responses"];

const error = { content: { "application/json": { schema: errorAnswerSchema } } };
const meanings: Readonly<Record<string, string>> = {
  200: "Here it is.",
  201: "It was made.",
  202: "It was accepted, and goes on by itself.",
  204: "It is done.",
  503: "Not now.",
};

let document: OpenApiDocument | undefined;

/** The API of this application in OpenAPI 3.1, from the schemas that read its requests and describe its answers. */
export function openApiDocument(): OpenApiDocument {
  document ??= createDocument({
    openapi: "3.1.1",
    info: {
      title: "IMAP to Microsoft 365",
      version,
      description:
        "Copies the mailboxes of an IMAP server into Microsoft 365. Instants are ISO 8601 in UTC. What changes something needs a token in Authorization, or X-Requested-With: imap-to-m365.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/api", description: "Where the application runs." }],
    security: [{ entra: [] }],
    components: {
      securitySchemes: {
        entra: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "A token of Microsoft Entra for this application, or the session of its sign-in.",
        },
      },
    },
    paths: pathsOf(),
  });
  return document;
}

function pathsOf(): ZodOpenApiPathsObject {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const name of Object.keys(routes) as RouteName[]) {
    const { method, path } = routes[name];
    paths[`/${path}`] = {
      ...paths[`/${path}`],
      [method.toLowerCase()]: operationOf(name, routes[name], contracts[name]),
    };
  }
  return paths;
}

function operationOf(
  operationId: string,
  { path, access, summary }: Route,
  contract: Contract,
): ZodOpenApiOperationObject {
  const { params, query, json, takesCsv } = contract;
  const [tag = ""] = path.split(/[/.]/);
  const takesBody = json !== undefined || takesCsv;
  return {
    operationId,
    tags: [tag],
    summary,
    description: access === "anyone" ? "For anybody." : `Takes the app role ${access}.`,
    ...(access === "anyone" ? { security: [] } : {}),
    requestParams: {
      ...(params ? { path: params } : {}),
      ...(query ? { query } : {}),
    },
    ...(takesBody
      ? {
          requestBody: {
            required: takesCsv === true || json?.safeParse(undefined).success !== true,
            content: {
              ...(json ? { "application/json": { schema: json } } : {}),
              ...(takesCsv ? { "text/csv": { schema: { type: "string" } } } : {}),
            },
          },
        }
      : {}),
    responses: responsesOf(contract),
  };
}

function responsesOf({ answers, tagged }: Contract): Responses {
  const responses: Record<string, object> = {};
  for (const [status, answer] of Object.entries(answers)) {
    const content =
      answer === "none"
        ? {}
        : answer === "text/csv"
          ? { content: { "text/csv": { schema: { type: "string" } } } }
          : { content: { "application/json": { schema: answer } } };
    responses[status] = { description: meanings[status] ?? "Done.", ...content };
  }
  if (tagged) responses[304] = { description: "The caller has it already: its ETag was in If-None-Match." };
  return {
    ...responses,
    "4XX": { description: "The request is not valid, not allowed, or not possible now.", ...error },
    "5XX": { description: "The application cannot answer now.", ...error },
  } as Responses;
}
