/**
 * The app registration that the sign-in of the API uses, with its two app roles.
 * `register` makes or mends it and hands its id on; `connect` adds what exists only after provisioning.
 */
import { z } from "zod";
import { runCommand } from "./command.ts";
import { type Rest, RestError, restOfCli, services } from "./rest.ts";
import { deploymentValue, handOver } from "./values.ts";

/** Ids of our own, fixed, so that a second run mends the roles instead of adding new ones. */
export const appRoles = [
  {
    id: "5d8c5f0e-2a5b-4f0f-9d7e-0b1f3f9f6a11",
    value: "Migration.Read",
    displayName: "Read migrations",
    description: "Sees batches, mailboxes and reports.",
    allowedMemberTypes: ["User", "Application"],
    isEnabled: true,
  },
  {
    id: "a3f1c4d2-7e64-4a0c-8b53-6c2d9e0f7b22",
    value: "Migration.Operate",
    displayName: "Operate migrations",
    description: "Starts, stops and deletes batches and changes endpoints.",
    allowedMemberTypes: ["User", "Application"],
    isEnabled: true,
  },
] as const;

const operateRole = appRoles[1].id;
const scopeId = "c0b7e9a4-13d8-4c6f-a2e5-8f4d1b6a7c33";
/** Microsoft's Azure CLI, so that `az account get-access-token` can ask for a token of the API. */
const azureCliAppId = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
const createIfMissing = { prefer: "create-if-missing" };

const directoryObject = z.object({ id: z.string(), appId: z.string() });

/**
 * Makes or mends the app registration of one deployment. Repeatable.
 * @returns its application (client) id.
 * @see https://learn.microsoft.com/graph/api/application-upsert
 */
export async function register(graph: Rest, environmentName: string): Promise<string> {
  const application = applicationPath(environmentName);
  await graph(
    "PATCH",
    application,
    {
      displayName: `IMAP to Microsoft 365 (${environmentName})`,
      signInAudience: "AzureADMyOrg",
      appRoles,
      api: {
        requestedAccessTokenVersion: 2,
        oauth2PermissionScopes: [
          {
            id: scopeId,
            value: "user_impersonation",
            type: "User",
            isEnabled: true,
            adminConsentDisplayName: "Use the migration API",
            adminConsentDescription: "Calls the migration API as the signed-in user.",
          },
        ],
      },
    },
    createIfMissing,
  );
  const { appId } = directoryObject.parse(await graph("GET", application));
  await graph("PATCH", application, {
    identifierUris: [`api://${appId}`],
    api: { preAuthorizedApplications: [{ appId: azureCliAppId, delegatedPermissionIds: [scopeId] }] },
  });
  await graph(
    "PATCH",
    `/v1.0/servicePrincipals(appId='${appId}')`,
    { appRoleAssignmentRequired: true },
    createIfMissing,
  );
  return appId;
}

/** What `connect` needs of a provisioned deployment. */
export interface Deployment {
  readonly environmentName: string;
  readonly apiUrl: string;
  readonly tenantId: string;
  /** Object id of the app's identity. */
  readonly identityPrincipalId: string;
}

/**
 * Lets the deployed app sign users in without a secret, and gives the caller the role to operate. Repeatable.
 * @see https://learn.microsoft.com/azure/app-service/configure-authentication-provider-aad
 */
export async function connect(graph: Rest, deployment: Deployment): Promise<void> {
  const application = applicationPath(deployment.environmentName);
  const { id, appId } = directoryObject.parse(await graph("GET", application));
  await graph("PATCH", application, {
    web: {
      redirectUris: [`${deployment.apiUrl}/.auth/login/aad/callback`],
      implicitGrantSettings: { enableIdTokenIssuance: true },
    },
  });
  await graph(
    "PATCH",
    `/v1.0/applications/${id}/federatedIdentityCredentials(name='function-app')`,
    {
      issuer: `https://login.microsoftonline.com/${deployment.tenantId}/v2.0`,
      subject: deployment.identityPrincipalId,
      audiences: ["api://AzureADTokenExchange"],
      description: "The function app proves itself by its managed identity instead of a secret.",
    },
    createIfMissing,
  );
  const servicePrincipal = directoryObject.parse(
    await graph("GET", `/v1.0/servicePrincipals(appId='${appId}')`),
  );
  const me = z.object({ id: z.string() }).parse(await graph("GET", "/v1.0/me?$select=id"));
  try {
    await graph("POST", `/v1.0/servicePrincipals/${servicePrincipal.id}/appRoleAssignedTo`, {
      principalId: me.id,
      resourceId: servicePrincipal.id,
      appRoleId: operateRole,
    });
  } catch (error) {
    if (!(error instanceof RestError && /already exists/i.test(error.message))) throw error;
  }
}

function applicationPath(environmentName: string): string {
  return `/v1.0/applications(uniqueName='imap-to-m365-${environmentName}')`;
}

async function main(step: string | undefined): Promise<void> {
  const graph = restOfCli(services.graph);
  const environmentName = deploymentValue("AZURE_ENV_NAME");
  if (step === "register") {
    const clientId = await register(graph, environmentName);
    handOver("API_CLIENT_ID", clientId);
    console.error(
      `Sign-in: app registration ${clientId}, roles ${appRoles.map((role) => role.value).join(" and ")}.`,
    );
  } else if (step === "connect") {
    await connect(graph, {
      environmentName,
      apiUrl: deploymentValue("API_URL"),
      tenantId: deploymentValue("AZURE_TENANT_ID"),
      identityPrincipalId: deploymentValue("IDENTITY_PRINCIPAL_ID"),
    });
    console.error("Sign-in: the app needs no secret, and you hold the role Migration.Operate.");
  } else throw new Error("Usage: sign-in.ts register [--print] | connect");
}

if (import.meta.main) await runCommand(() => main(process.argv[2]));
