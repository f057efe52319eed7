import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { z } from "zod";
import { runsInAzure, signsCallersIn } from "../shared/config.ts";
import { type Access, type RouteName, routes } from "../shared/domain/api/routes.ts";
import { isMigrationError } from "../shared/domain/errors.ts";
import { isForged, refusalOf } from "./authorize.ts";

export type Handler = (request: HttpRequest) => Promise<HttpResponseInit>;

/** An answer in the API's error form. `details` is left out where there is nothing to add. */
export function errorResponse(
  status: number,
  code: string,
  message: string,
  details?: unknown,
): HttpResponseInit {
  return { status, jsonBody: { error: { code, message, ...(details === undefined ? {} : { details }) } } };
}

/**
 * Registers a route of the API, for whoever has the role it takes. On an operator's own machine, where the host listens to
 * that machine alone, nobody signs in.
 */
export function route(name: RouteName, handler: Handler): void {
  const { method, path, access } = routes[name];
  app.http(name, {
    methods: [method],
    route: path,
    authLevel: "anonymous",
    handler: async (request, context) => {
      try {
        return refused(request, access) ?? (await handler(request));
      } catch (error) {
        const answer = errorAnswer(error);
        if (answer !== undefined) return answer;
        context.error(`${name} failed: ${framesOf(error)}`);
        return errorResponse(
          500,
          "InternalError",
          "The request failed. The log of the application tells where.",
        );
      }
    },
  });
}

/** Bytes of a request's body in JSON; the largest one that is wanted is an endpoint's settings. */
const maxJsonBytes = 131_072;

class BodyTooLarge extends Error {
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super();
    this.maxBytes = maxBytes;
  }
}

/** The text of a request, of which no more is read than JSON here takes. @throws BodyTooLarge, answered with 413 */
export async function bodyOf(request: HttpRequest): Promise<string> {
  return (await bytesOf(request, maxJsonBytes)).toString("utf8");
}

/** The body of a request, of which no more is read than `maxBytes`. @throws BodyTooLarge, answered with 413 */
export async function bytesOf({ body }: HttpRequest, maxBytes: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body ?? []) {
    size += piece.length;
    if (size > maxBytes) throw new BodyTooLarge(maxBytes);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The value of a body in JSON. An issue never shows the text, which may hold a password. */
export const jsonText = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: "custom", message: "expected JSON" });
    return z.NEVER;
  }
});

/**
 * Who calls: their object id in Entra, which the platform writes as it does the principal; `local` on an operator's own
 * machine.
 */
export function callerOf({ headers }: HttpRequest): string {
  return headers.get("x-ms-client-principal-id")?.slice(0, 64) ?? "local";
}

function refused({ headers, method }: HttpRequest, access: Access): HttpResponseInit | undefined {
  const front = { inAzure: runsInAzure(), signsIn: signsCallersIn() };
  const sent = {
    site: headers.get("sec-fetch-site"),
    authorization: headers.get("authorization"),
    requestedWith: headers.get("x-requested-with"),
  };
  if (isForged(method, sent, front))
    return errorResponse(
      403,
      "CrossSiteRequest",
      "This changes something, and another site may have sent it. Call it with a token in Authorization, or with X-Requested-With: imap-to-m365.",
    );
  switch (refusalOf(headers.get("x-ms-client-principal"), access, front)) {
    case "signInOff":
      return errorResponse(
        503,
        "SignInOff",
        "The sign-in of the platform is off, so nobody can tell who calls. Turn authentication of the app on; azd provision does it.",
      );
    case "signIn":
      return errorResponse(401, "SignInRequired", "Sign in with Microsoft Entra first.");
    case "role":
      return errorResponse(403, "RoleRequired", `This takes the app role ${access}.`);
    default:
      return undefined;
  }
}

/** Bad input is the caller's fault; what the product's own errors say, an operator can act on. */
function errorAnswer(error: unknown): HttpResponseInit | undefined {
  if (error instanceof z.ZodError)
    return errorResponse(
      400,
      "BadRequest",
      "The request is not valid.",
      error.issues.map((issue) => ({ path: issue.path.join("."), message: issue.message })),
    );
  if (error instanceof BodyTooLarge)
    return errorResponse(413, "BodyTooLarge", `The body is larger than ${error.maxBytes} bytes.`);
  return isMigrationError(error) ? errorResponse(503, error.code, error.message) : undefined;
}

/** Where an unknown error came from. Its text is left out: nobody knows what it holds. */
function framesOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return [error.name, ...frames.slice(0, 8)].join("\n");
}
