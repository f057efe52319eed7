import { z } from "zod";
import type { Deployment } from "./deployment.ts";

const named = z.array(z.object({ name: z.string() }));
const account = z.object({
  blobServices: z.object({ containers: named }),
  tableServices: z.object({ tables: named }),
});

/** Names of the containers and tables that Bicep makes in the data account. */
export function deployedStorage({ deployed }: Deployment): {
  readonly containers: ReadonlySet<string>;
  readonly tables: ReadonlySet<string>;
} {
  const { params } = deployed.find(({ path }) => path === "storage/data-account") ?? {};
  const { blobServices, tableServices } = account.parse(params);
  return {
    containers: new Set(blobServices.containers.map(({ name }) => name)),
    tables: new Set(tableServices.tables.map(({ name }) => name)),
  };
}
