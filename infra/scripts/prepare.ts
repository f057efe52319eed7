/** What a subscription needs before a deployment, and what it still holds of an earlier one. Creates nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { runCommand } from "./command.ts";
import { type Rest, RestError, restOfCli, services } from "./rest.ts";
import { deploymentValue, findValue, handOver } from "./values.ts";

/** Owner of the type that a subnet of Flex Consumption is delegated to. A template does not register it. */
export const networkProvider = "Microsoft.App";

const provider = z.object({ registrationState: z.string() });

/**
 * Registers a resource provider and waits until it is. Repeatable.
 * @param wait milliseconds before each further look.
 * @returns true if it was registered before.
 * @throws Error if the caller may not register it, or if it takes longer.
 * @see https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to#enable-virtual-network-integration
 */
export async function registerProvider(
  arm: Rest,
  subscriptionId: string,
  namespace: string,
  wait: readonly number[] = Array<number>(60).fill(5_000),
): Promise<boolean> {
  const path = `/subscriptions/${subscriptionId}/providers/${namespace}`;
  const isRegistered = async (): Promise<boolean> =>
    provider.parse(await arm("GET", `${path}?api-version=2021-04-01`)).registrationState === "Registered";
  if (await isRegistered()) return true;
  try {
    await arm("POST", `${path}/register?api-version=2021-04-01`);
  } catch (error) {
    if (!(error instanceof RestError && error.status === 403)) throw error;
    throw new Error(
      `The resource provider ${namespace} is not registered, and you may not register it. An owner of the subscription runs: az provider register --namespace ${namespace} --wait`,
    );
  }
  for (const pause of wait) {
    await sleep(pause);
    if (await isRegistered()) return false;
  }
  throw new Error(
    `The resource provider ${namespace} is still being registered. Wait until \`az provider show --namespace ${namespace} --query registrationState\` says Registered, then go on.`,
  );
}

const deletedVaults = z.object({
  value: z.array(
    z.object({
      name: z.string(),
      properties: z.object({
        vaultId: z.string(),
        location: z.string(),
        scheduledPurgeDate: z.string().optional(),
      }),
    }),
  ),
  nextLink: z.string().nullish(),
});

/** A Key Vault that was deleted and can be taken back until it is purged. */
export interface DeletedVault {
  readonly name: string;
  readonly purgedAt: string | undefined;
}

/**
 * The deleted vault of an earlier deployment of the same name, region and subscription: only it has the name that the
 * template gives. Of several the last to be purged, that is, the newest.
 * @see https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/list-deleted
 */
export async function findDeletedVault(
  arm: Rest,
  deployment: {
    readonly subscriptionId: string;
    readonly environmentName: string;
    readonly location: string;
  },
): Promise<DeletedVault | undefined> {
  const { subscriptionId, environmentName, location } = deployment;
  const group = `/subscriptions/${subscriptionId}/resourceGroups/rg-${environmentName}/`.toLowerCase();
  const found: DeletedVault[] = [];
  let path: string | undefined =
    `/subscriptions/${subscriptionId}/providers/Microsoft.KeyVault/deletedVaults?api-version=2023-07-01`;
  while (path !== undefined) {
    const page: z.infer<typeof deletedVaults> = deletedVaults.parse(await arm("GET", path));
    for (const { name, properties } of page.value)
      if (
        properties.vaultId.toLowerCase().startsWith(group) &&
        regionOf(properties.location) === regionOf(location)
      )
        found.push({ name, purgedAt: properties.scheduledPurgeDate });
    path = page.nextLink ? page.nextLink.replace(/^https:\/\/[^/]+/, "") : undefined;
  }
  return found.sort((a, b) => (b.purgedAt ?? "").localeCompare(a.purgedAt ?? ""))[0];
}

/** `West Europe` and `westeurope` are one. */
function regionOf(location: string): string {
  return location.replaceAll(" ", "").toLowerCase();
}

async function main(): Promise<void> {
  const arm = restOfCli(services.resourceManager);
  const subscriptionId = deploymentValue("AZURE_SUBSCRIPTION_ID");
  if (findValue("PRIVATE_NETWORK") === "true") {
    const before = await registerProvider(arm, subscriptionId, networkProvider);
    console.error(`Private network: ${networkProvider} ${before ? "is registered" : "was registered"}.`);
  }
  const vault = await findDeletedVault(arm, {
    subscriptionId,
    environmentName: deploymentValue("AZURE_ENV_NAME"),
    location: deploymentValue("AZURE_LOCATION"),
  });
  handOver("KEY_VAULT_RECOVER", String(vault !== undefined));
  console.error(
    vault === undefined
      ? "Key Vault: no deleted one of this deployment."
      : `Key Vault: ${vault.name} is deleted, to be purged on ${vault.purgedAt ?? "an unknown day"}; it is taken back with its keys and secrets.`,
  );
}

if (import.meta.main) await runCommand(main);
