import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { classifyLostAnswer, classifyRefusal } from "../../../../shared/adapters/graph/classify.ts";
import { sendRequest } from "../../../../shared/adapters/graph/http.ts";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function urlOf(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const post = (url: string, timeoutMs = 10_000) =>
  sendRequest({ method: "POST", url, headers: { "x-test": "1" }, body: "grüße", timeoutMs });
const errorOf = (failing: Promise<unknown>) => failing.then(() => undefined).catch((error: unknown) => error);

describe("a request to Graph without the SDK", () => {
  it("carries headers and body, and tells status, Retry-After and text", async () => {
    const url = await urlOf(async (request, response) => {
      const body = (await buffer(request)).toString();
      response.writeHead(429, { "Retry-After": "7" });
      response.end(
        `${request.method} ${request.headers["x-test"]} ${request.headers["content-length"]} ${body}`,
      );
    });
    const answer = await post(url);
    expect({ status: answer.status, retryAfter: answer.retryAfter, text: await answer.text() }).toEqual({
      status: 429,
      retryAfter: "7",
      text: "POST 1 7 grüße",
    });
  });

  it("goes over the connection of the one before", async () => {
    const ports: (number | undefined)[] = [];
    const url = await urlOf((request, response) => {
      ports.push(request.socket.remotePort);
      response.end("{}");
    });
    for (let count = 0; count < 3; count++) await (await post(url)).text();
    expect(new Set(ports).size).toBe(1);
  });

  it("follows no redirection, and says nothing of the message then", async () => {
    const url = await urlOf((_, response) => response.writeHead(307, { Location: "/elsewhere" }).end());
    const { status } = await post(url);
    expect(status).toBe(307);
    expect(classifyRefusal({ status, code: "" }, "create")).toMatchObject({
      kind: "transient",
      inDoubt: true,
    });
  });

  it("leaves a create in doubt where the connection breaks before the answer, or in it", async () => {
    const reset = await urlOf((request) => request.socket.resetAndDestroy());
    const torn = await urlOf((request, response) => {
      response.writeHead(201, { "Content-Length": "100" });
      response.write("{", () => request.socket.destroy());
    });
    const errors = [await errorOf(post(reset)), await errorOf((await post(torn)).text())];
    expect(errors).toMatchObject([{ code: "ECONNRESET" }, { code: "ECONNRESET" }]);
    for (const error of errors) expect(classifyLostAnswer(error, "create").inDoubt).toBe(true);
  });

  it("leaves a create in doubt where the time is up before the answer, or in it", async () => {
    const silent = await urlOf(() => undefined);
    const slow = await urlOf((_, response) =>
      response.writeHead(201, { "Content-Length": "100" }).write("{"),
    );
    const errors = [await errorOf(post(silent, 50)), await errorOf((await post(slow, 100)).text())];
    for (const error of errors)
      expect(classifyLostAnswer(error, "create")).toMatchObject({
        inDoubt: true,
        message: expect.stringContaining("no answer in time"),
      });
  });

  it("has done nothing where no connection was made", async () => {
    const closed = await urlOf(() => undefined);
    for (const server of servers.splice(0))
      await new Promise<void>((resolve) => server.close(() => resolve()));
    const refused = await errorOf(post(closed));
    expect(refused).toMatchObject({ code: "ECONNREFUSED" });
    expect(classifyLostAnswer(refused, "create").inDoubt).toBe(false);

    const mute = createTcpServer((socket) => socket.on("error", () => undefined));
    servers.push(mute);
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const url = `https://127.0.0.1:${(mute.address() as AddressInfo).port}/`;
    const unmade = await errorOf(
      sendRequest({ method: "POST", url, headers: {}, body: "{}", timeoutMs: 10_000 }, 50),
    );
    expect(classifyLostAnswer(unmade, "create").inDoubt).toBe(false);
  });
});
