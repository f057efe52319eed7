import { errorAnswerSchema } from "../../shared/domain/api/common.ts";
import { contracts } from "../../shared/domain/api/contract.ts";
import { type RouteName, routes } from "../../shared/domain/api/routes.ts";

/** Addresses without names in them come first: they are meant where both fit. */
const patterns = (Object.keys(routes) as RouteName[])
  .map((name) => {
    const { method, path } = routes[name];
    const pattern = path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+");
    return { name, method, path, pattern: new RegExp(`^/api/${pattern}$`) };
  })
  .sort((a, b) => a.path.split("{").length - b.path.split("{").length);

/** The routes whose answers were held to what is documented of them, in this process. */
export const exercised = new Set<RouteName>();

/** The route of the API that a request is for; undefined if it is for none. */
export function routeOf(method: string, url: URL): RouteName | undefined {
  return patterns.find((one) => one.method === method && one.pattern.test(url.pathname))?.name;
}

/** @throws Error if the answer to a request of the API is not what is documented of it. */
export async function holdToContract(method: string, url: URL, response: Response): Promise<void> {
  const name = routeOf(method, url);
  if (name === undefined || response.status === 304) return;
  exercised.add(name);
  const { status } = response;
  const answer = contracts[name].answers[status] ?? (status >= 400 ? errorAnswerSchema : undefined);
  if (answer === undefined) throw new Error(`${name} answered ${status}, which is not documented.`);
  const text = await response.text();
  if (answer === "none") {
    if (text !== "") throw new Error(`${name} answered ${status} with a body, and none is documented.`);
  } else if (answer === "text/csv") {
    const type = response.headers.get("content-type");
    if (!type?.startsWith("text/csv")) throw new Error(`${name} answered ${status} with ${type}.`);
  } else {
    const parsed = answer.safeParse(JSON.parse(text));
    if (!parsed.success)
      throw new Error(`${name} answered ${status} with what is not documented: ${parsed.error.message}`);
  }
}
