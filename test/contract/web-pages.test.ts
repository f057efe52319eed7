import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWebPages } from "../../shared/adapters/web/web-pages.ts";
import { type CertificateAuthority, createCertificateAuthority } from "../stack/certificates.ts";
import { loopbackAddress } from "../stack/loopback.ts";
import { startWebServer, type WebServer } from "../stack/web-server.ts";

const before = getCACertificates("default");
const address = loopbackAddress();
const pages = createWebPages();
let authority: CertificateAuthority;
let server: WebServer;

beforeAll(async () => {
  authority = await createCertificateAuthority();
  setDefaultCACertificates([...before, authority.certificate]);
  server = await startWebServer(address, await authority.issue(["contoso.test"]), (request, response) => {
    if (request.url === "/silent") return;
    if (request.url === "/switched") {
      response.writeHead(101, { connection: "upgrade", upgrade: "other" }).end();
      return;
    }
    if (request.url === "/moved") {
      response.writeHead(302, { location: "https://contoso.test/hello" }).end();
      return;
    }
    if (request.url === "/broken") {
      response.write("half");
      response.destroy();
      return;
    }
    response.end(request.url === "/endless" ? "x".repeat(70_000) : "grüße");
  });
});

afterAll(async () => {
  setDefaultCACertificates(before);
  await server?.stop();
  await authority?.dispose();
});

const get = (url: string, signal = AbortSignal.timeout(20_000)) => pages.get(new URL(url), [address], signal);

describe("a page", () => {
  it("is read from the given address, whatever the name stands for", async () => {
    expect(await get("https://contoso.test/hello")).toEqual({
      status: 200,
      location: undefined,
      text: "grüße",
    });
    expect(server.requests).toContain("contoso.test/hello");
  });

  it("that moved is not followed", async () => {
    expect(await get("https://contoso.test/moved")).toMatchObject({
      status: 302,
      location: "https://contoso.test/hello",
      text: "",
    });
  });

  it.each([
    ["is too long", "https://contoso.test/endless"],
    ["ends in the middle", "https://contoso.test/broken"],
    ["goes on in another protocol", "https://contoso.test/switched"],
    ["has a certificate for another name", "https://fabrikam.test/hello"],
    ["nobody serves", "https://contoso.test:1/hello"],
  ])("that %s is none", async (_, url) => {
    expect(await get(url)).toBeUndefined();
  });

  it("that does not come is given up", async () => {
    expect(await get("https://contoso.test/silent", AbortSignal.timeout(300))).toBeUndefined();
  });

  it("of an authority that nobody trusts is none", async () => {
    setDefaultCACertificates(before);
    expect(await get("https://contoso.test/hello")).toBeUndefined();
    setDefaultCACertificates([...before, authority.certificate]);
    expect((await get("https://contoso.test/hello"))?.status).toBe(200);
  });
});
