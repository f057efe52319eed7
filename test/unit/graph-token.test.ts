import { describe, expect, it } from "vitest";
import { graphScope, graphTokenSource } from "../../shared/adapters/graph/token.ts";

describe("graphTokenSource", () => {
  it("says what to check where no token is to be had", async () => {
    const token = graphTokenSource({
      identity: { kind: "certificate", tenantId: "tenant", clientId: "client", path: "no/such/file.pem" },
      baseUrl: "https://graph.microsoft.us",
      authorityHost: "https://login.microsoftonline.us",
    });
    await expect(token()).rejects.toMatchObject({
      kind: "fatal",
      code: "GraphTokenUnavailable",
      message: expect.stringContaining("AZURE_CLIENT_ID"),
    });
  });
});

describe("graphScope", () => {
  it.each([
    ["https://graph.microsoft.com", "https://graph.microsoft.com/.default"],
    ["https://graph.microsoft.us/", "https://graph.microsoft.us/.default"],
    ["https://microsoftgraph.chinacloudapi.cn/v1.0", "https://microsoftgraph.chinacloudapi.cn/.default"],
  ])("of %s", (baseUrl, scope) => {
    expect(graphScope(baseUrl)).toBe(scope);
  });
});
