import { describe, expect, it } from "vitest";
import { graphScope } from "../../../shared/adapters/identity-token.ts";

describe("graphScope", () => {
  it.each([
    ["https://graph.microsoft.com", "https://graph.microsoft.com/.default"],
    ["https://graph.microsoft.us/", "https://graph.microsoft.us/.default"],
    ["https://microsoftgraph.chinacloudapi.cn/v1.0", "https://microsoftgraph.chinacloudapi.cn/.default"],
  ])("of %s", (baseUrl, scope) => {
    expect(graphScope(baseUrl)).toBe(scope);
  });
});
