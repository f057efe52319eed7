/** App roles of the API. Who operates may read as well. */
export type AppRole = "Migration.Read" | "Migration.Operate";

/** What a route takes: a role, or nothing, not even a sign-in. */
export type Access = AppRole | "anyone";

export interface Route {
  readonly method: "GET" | "PUT" | "POST" | "DELETE" | "PATCH";
  /** Below `/api/`. */
  readonly path: string;
  readonly access: Access;
  /** A sentence. */
  readonly summary: string;
}

const read = (path: string, summary: string): Route => ({
  method: "GET",
  path,
  access: "Migration.Read",
  summary,
});
const operate = (method: Route["method"], path: string, summary: string): Route => ({
  method,
  path,
  access: "Migration.Operate",
  summary,
});

/** Every route of the API, by its name. What each takes and answers stands in contract.ts. */
export const routes = {
  "batches-list": read("batches", "All batches, with their totals."),
  "batches-get": read("batches/{batch}", "One batch."),
  "batches-patch": operate(
    "PATCH",
    "batches/{batch}",
    "Changes options of a batch: those that are sent, null for the default; takes `optionsETag` in `If-Match`.",
  ),
  "batches-history": read("batches/{batch}/history", "Who did what with a batch, newest first."),
  "batches-samples": read("batches/{batch}/samples", "What had been copied, minute by minute."),
  "batches-errors": read("batches/{batch}/errors", "Errors of its mailboxes, by code."),
  "batches-delete": operate(
    "DELETE",
    "batches/{batch}",
    "Removes a batch with its secrets and reports; refused with reasons until that is safe.",
  ),
  "batches-act": operate(
    "POST",
    "batches/{batch}/{action}",
    "`start`, `startForReal` (after a rehearsal), `stop`, `sync`, `retry` or `complete` it, or some of its mailboxes.",
  ),
  "batches-approve": operate(
    "POST",
    "batches/{batch}/approve",
    "Accepts what was skipped until now, of `mailboxes` and of `codes` if the body names any.",
  ),
  "batches-undo": operate(
    "POST",
    "batches/{batch}/undo",
    "Takes out of the target what was copied for `mailboxes` and nobody has touched since.",
  ),
  "batches-forget": operate(
    "POST",
    "batches/{batch}/forget",
    "Removes what is recorded of the copies of `mailboxes`: the next start copies every message again.",
  ),
  "operations-list": read("batches/{batch}/operations", "The operations of a batch, newest first."),
  "operations-get": read(
    "batches/{batch}/operations/{operation}",
    "How many mailboxes an operation has passed and changed.",
  ),
  "mailboxes-list": read(
    "batches/{batch}/mailboxes",
    "Its mailboxes; `status`, `errorCode` and `$search` choose, `$orderby` sorts, `$top` limits a page.",
  ),
  "mailboxes-get": read(
    "batches/{batch}/mailboxes/{mailboxId}",
    "One mailbox with its folders, warnings and skipped messages.",
  ),
  "mailboxes-skipped": read(
    "batches/{batch}/mailboxes/{mailboxId}/skipped-items",
    "What was skipped of a mailbox, page by page.",
  ),
  "mailboxes-act": operate(
    "POST",
    "batches/{batch}/mailboxes/{mailboxId}/{action}",
    "`start`, `stop`, `sync` or `retry` one mailbox, named by its id or its address.",
  ),
  "mailboxes-delete": operate(
    "DELETE",
    "batches/{batch}/mailboxes/{mailboxId}",
    "Takes a mailbox out of its batch. What was copied stays.",
  ),
  "folders-act": operate(
    "POST",
    "batches/{batch}/mailboxes/{mailboxId}/folders/{folderId}/{action}",
    "Makes a folder anew that is gone in the target (`recreate`), or lets one go on that was replaced (`confirm`).",
  ),
  "cutover-get": read(
    "batches/{batch}/cutover",
    "What stands against a cut-over: MX, time to live, last sync.",
  ),
  "cutover-confirm": operate(
    "POST",
    "batches/{batch}/cutover/confirm",
    "Says that mail reaches Microsoft 365 behind a filter.",
  ),
  "verification-begin": operate(
    "POST",
    "batches/{batch}/verify",
    "Compares source, records and target; changes nothing.",
  ),
  "verification-get": read("batches/{batch}/verification", "What the last verification found."),
  "templates-get": read("templates/{template}", "A CSV to begin with, such as `dovecot.csv`."),
  "uploads-put": operate(
    "PUT",
    "uploads/{endpoint}/{file}",
    "Puts a CSV, or the options beside it, where the app reads it.",
  ),
  "uploads-check": operate(
    "POST",
    "uploads/{endpoint}/{file}",
    "Checks a CSV (`?validateOnly=true`) without storing it.",
  ),
  "notices-list": read(
    "batches/{batch}/notices",
    "The mails to the operators, newest first, and those that could not be sent.",
  ),
  "reports-list": read("batches/{batch}/reports", "The reports of a batch."),
  "reports-get": read("batches/{batch}/reports/{report}", "One report as CSV."),
  "endpoints-list": read("endpoints", "All endpoints."),
  "endpoints-get": read("endpoints/{endpoint}", "One endpoint with defaults, and its ETag."),
  "endpoints-put": operate(
    "PUT",
    "endpoints/{endpoint}",
    "Stores an endpoint; replaces one with its ETag in `If-Match`.",
  ),
  "endpoints-delete": operate("DELETE", "endpoints/{endpoint}", "Removes an endpoint that no batch uses."),
  "endpoints-usage": read(
    "endpoints/{endpoint}/usage",
    "Who is being read of an endpoint now, who waits, and until when its rates or hours hold it up.",
  ),
  "endpoints-confirm": operate(
    "POST",
    "endpoints/{endpoint}/confirm",
    "Says that a changed server is right.",
  ),
  "endpoints-test": operate(
    "POST",
    "endpoints/{endpoint}/test",
    "Tries a server, and with `userName` and `password` a login: its folders are told.",
  ),
  // It connects to servers that the caller chooses.
  discover: operate("GET", "discover", "Servers of a domain, best first."),
  "target-test": operate("POST", "target/test", "Tries a mailbox of the tenant: 202 with an id."),
  "target-test-get": read("target/test/{test}", "How far this test is."),
  me: read("me", "Who calls, and whether they may operate."),
  health: {
    method: "GET",
    path: "health",
    access: "anyone",
    summary: "200 if everything the app needs is there, else 503.",
  },
  "health-details": read("health/details", "Every connection, the last sweep, and missing permissions."),
  openapi: read("openapi.json", "This API in OpenAPI 3.1."),
} as const satisfies Readonly<Record<string, Route>>;

export type RouteName = keyof typeof routes;
