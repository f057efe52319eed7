import { describe, expect, it } from "vitest";
import { readConfig } from "../../shared/config.ts";

const settings = {
  AzureWebJobsStorage: "UseDevelopmentStorage=true",
  ServiceBusConnection: "Endpoint=sb://localhost;SharedAccessKeyName=a;SharedAccessKey=b",
  CREDENTIAL_KEY_URI: "https://vault.example/keys/credentials",
};
const azure = { ...settings, WEBSITE_SITE_NAME: "func-mail" };
const sampleKey = Buffer.alloc(32).toString("base64");

describe("the settings", () => {
  it("tell where the app runs", () => {
    expect(readConfig(settings).inAzure).toBe(false);
    expect(readConfig(azure).inAzure).toBe(true);
  });

  it.each([
    [
      "plain http elsewhere",
      settings,
      { GRAPH_BASE_URL: "http://graph.example" },
      /GRAPH_BASE_URL: expected an https/,
    ],
    [
      "plain http to this machine in Azure",
      azure,
      { GRAPH_BASE_URL: "http://127.0.0.1:1" },
      /GRAPH_BASE_URL/,
    ],
    [
      "a key of a vault by plain http",
      azure,
      { CREDENTIAL_KEY_URI: "http://localhost/keys/a" },
      /CREDENTIAL_KEY_URI/,
    ],
    [
      "the key of the sample in Azure",
      azure,
      { CREDENTIAL_KEY_URI: "", CREDENTIAL_KEY: sampleKey },
      /CREDENTIAL_KEY:/,
    ],
  ])("are refused: %s", (_, base, changes, message) => {
    expect(() => readConfig({ ...base, ...changes })).toThrow(message);
  });

  it.each([
    ["plain http to this machine", settings, { GRAPH_BASE_URL: "http://127.0.0.1:1" }],
    [
      "the key of the sample on one's own machine",
      settings,
      { CREDENTIAL_KEY_URI: "", CREDENTIAL_KEY: sampleKey },
    ],
    ["https", azure, { GRAPH_BASE_URL: "https://graph.microsoft.us" }],
  ])("are taken: %s", (_, base, changes) => {
    expect(readConfig({ ...base, ...changes })).toBeDefined();
  });
});
