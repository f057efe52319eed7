import { mkdir } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";

/** The part of Azurite's servers that is used here; the package has neither an API nor types for it. */
interface AzuriteServer {
  readonly httpServer: Server;
  start(): Promise<void>;
  close(): Promise<void>;
}

type Construct<Product> = { readonly default: new (...args: readonly unknown[]) => Product };

export interface Azurite {
  /** For the Azure storage clients, and for the settings `AzureWebJobsStorage` and `DataStorage`. */
  readonly connectionString: string;
  /** Repeatable. */
  close(): Promise<void>;
}

const host = "127.0.0.1";
const account = "devstoreaccount1";
/** Azurite's well-known key: https://learn.microsoft.com/azure/storage/common/storage-use-azurite */
const accountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const keepAliveSeconds = 5;

/**
 * Starts Azurite in this process: blobs, queues and tables over plain HTTP on the loopback interface.
 * @param options.directory where the data stays; in memory where left out.
 * @param options.blobPort each port: 0 or left out, the operating system chooses one.
 * @param options.onRequest called for each request.
 * @throws if a port is taken.
 */
export async function startAzurite(
  options: {
    readonly directory?: string;
    readonly blobPort?: number;
    readonly queuePort?: number;
    readonly tablePort?: number;
    readonly onRequest?: (service: "blob" | "queue" | "table", request: IncomingMessage) => void;
  } = {},
): Promise<Azurite> {
  const inMemory = options.directory === undefined;
  const directory = options.directory ?? "";
  if (!inMemory) await mkdir(directory, { recursive: true });
  const blob = createServer("blob", options.blobPort ?? 0, directory, inMemory);
  const queue = createServer("queue", options.queuePort ?? 0, directory, inMemory);
  const table = createServer("table", options.tablePort ?? 0, directory, inMemory);
  const servers = [blob, queue, table];

  const stop = async (running: readonly AzuriteServer[]) => {
    await Promise.all(running.map((server) => server.close()));
  };
  const starts = await Promise.allSettled(servers.map((server) => server.start()));
  const failed = starts.find((start) => start.status === "rejected");
  if (failed) {
    await stop(servers.filter((_, index) => starts[index]?.status === "fulfilled"));
    throw failed.reason;
  }

  for (const [service, { httpServer }] of Object.entries({ blob, queue, table } as const))
    httpServer.on("request", (request) =>
      options.onRequest?.(service as "blob" | "queue" | "table", request),
    );

  let closing: Promise<void> | undefined;
  return {
    connectionString: [
      "DefaultEndpointsProtocol=http",
      `AccountName=${account}`,
      `AccountKey=${accountKey}`,
      `BlobEndpoint=${endpoint(blob)}`,
      `QueueEndpoint=${endpoint(queue)}`,
      `TableEndpoint=${endpoint(table)}`,
      "",
    ].join(";"),
    close: () => {
      closing ??= stop(servers);
      return closing;
    },
  };
}

function createServer(
  kind: "blob" | "queue" | "table",
  port: number,
  directory: string,
  inMemory: boolean,
): AzuriteServer {
  const require = createRequire(import.meta.url);
  const name = `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
  const { default: Configuration } = require(
    `azurite/dist/src/${kind}/${name}Configuration`,
  ) as Construct<object>;
  const { default: Service } = require(`azurite/dist/src/${kind}/${name}Server`) as Construct<AzuriteServer>;

  const metadata = join(directory, `${kind}s.json`);
  const extents = [
    join(directory, `${kind}-extents.json`),
    [{ locationId: "Default", locationPath: join(directory, `${kind}s`), maxConcurrency: 10 }],
  ];
  // The table service differs: no extents, and its two log settings the other way round.
  const storage = kind === "table" ? [metadata] : [metadata, ...extents];
  const logs = kind === "table" ? [false, false, undefined, undefined] : [false, undefined, false, undefined];
  const looseAndAnyVersion = [false, true];
  const noTls = ["", "", ""];
  const noOAuth = undefined;
  const pathStyleUrls = true;
  return new Service(
    new Configuration(
      host,
      port,
      keepAliveSeconds,
      ...storage,
      ...logs,
      ...looseAndAnyVersion,
      ...noTls,
      noOAuth,
      pathStyleUrls,
      inMemory,
    ),
  );
}

function endpoint(server: AzuriteServer): string {
  return `http://${host}:${(server.httpServer.address() as AddressInfo).port}/${account}`;
}
