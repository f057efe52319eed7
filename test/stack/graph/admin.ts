import type { FaultPlan, Faults, SingleFault } from "./faults.ts";
import { mailboxSnapshot } from "./inspection.ts";
import type { Outgoing } from "./routes-send-mail.ts";
import type { Statistics } from "./statistics.ts";
import type { NewMailbox, Tenant } from "./tenant.ts";

export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly body: Buffer;
}

export interface AdminParts {
  readonly tenant: Tenant;
  readonly faults: Faults;
  readonly outgoing: Outgoing;
  readonly statistics: Statistics;
}

interface AdminAnswer {
  readonly status: number;
  readonly json?: unknown;
}

/**
 * What a test does to a stand-in in another process: `GET` and `POST /admin/mailboxes`, `GET /admin/sent-mail`, `GET` and
 * `DELETE /admin/statistics`, `PUT` and `DELETE /admin/faults`, `POST /admin/faults/next`.
 */
export function handleAdmin(parts: AdminParts, request: AdminRequest): AdminAnswer {
  // A page in a browser reaches loopback under a name of its own.
  if (request.host !== "127.0.0.1" && request.host !== "localhost") return { status: 403 };
  try {
    return run(parts, request);
  } catch (error) {
    return { status: 400, json: { error: String(error) } };
  }
}

function run({ tenant, faults, outgoing, statistics }: AdminParts, request: AdminRequest): AdminAnswer {
  const body = () => JSON.parse(request.body.toString()) as unknown;
  switch (`${request.method} ${request.path}`) {
    case "GET /admin/mailboxes":
      return { status: 200, json: { value: [...tenant.mailboxes].map(mailboxSnapshot) } };
    case "POST /admin/mailboxes":
      return { status: 201, json: tenant.add(body() as NewMailbox) };
    case "GET /admin/sent-mail":
      return { status: 200, json: { value: outgoing.sent } };
    case "GET /admin/statistics":
      return { status: 200, json: statistics.snapshot() };
    case "DELETE /admin/statistics":
      statistics.reset();
      return { status: 204 };
    case "PUT /admin/faults":
      faults.set(body() as FaultPlan);
      return { status: 204 };
    case "DELETE /admin/faults":
      faults.clear();
      return { status: 204 };
    case "POST /admin/faults/next":
      faults.next(body() as SingleFault);
      return { status: 204 };
    default:
      return { status: 404 };
  }
}
