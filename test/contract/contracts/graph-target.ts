import { randomUUID } from "node:crypto";
import { createGraphTarget } from "../../../shared/adapters/graph/index.ts";
import type { GraphStandIn } from "../../stack/graph/index.ts";
import type { TargetUnderTest } from "./target-contract.ts";

/** A new mailbox of a running stand-in for Graph. */
export async function graphUnderTest(graph: GraphStandIn): Promise<TargetUnderTest> {
  const emailAddress = `${randomUUID()}@example.com`;
  graph.addMailbox({ userPrincipalName: emailAddress });
  const request = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${graph.baseUrl}/v1.0/users/${emailAddress}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${graph.token}`,
        "Content-Type": "application/json",
        Prefer: 'IdType="ImmutableId"',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  };
  return {
    connector: createGraphTarget({
      baseUrl: graph.baseUrl,
      token: async () => graph.token,
      concurrencyPerMailbox: 4,
    }),
    emailAddress,
    unknownAddress: "nobody@example.com",
    user: {
      async messagesIn(folder) {
        const messages = graph.mailbox(emailAddress).folders.find(({ id }) => id === folder)?.messages ?? [];
        return messages.map(({ properties, receivedDateTime }) => ({
          subject: properties.subject ?? "",
          receivedAt: receivedDateTime.getTime(),
        }));
      },
      deleteFolder: (folder) => request("POST", `/mailFolders/${folder}/permanentDelete`),
      add: (folder, subject) => request("POST", `/mailFolders/${folder}/messages`, { subject }),
      flag: (_folder, item) => request("PATCH", `/messages/${item}`, { flag: { flagStatus: "flagged" } }),
      delete: (_folder, item) => request("POST", `/messages/${item}/permanentDelete`),
    },
    async interrupt(interruption) {
      const stored = interruption !== "cutBefore";
      const storeDelayMs = interruption === "landsLate" ? 300 : 0;
      graph.faults.next({ kind: "reset", route: "^POST .*/messages$", stored, storeDelayMs });
    },
    async settle() {
      graph.faults.clear();
      await graph.faults.settled();
    },
    close: async () => undefined,
  };
}
