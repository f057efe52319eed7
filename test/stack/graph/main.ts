import { type GraphOptions, startGraph } from "./index.ts";

// A process of its own, so that the mail stays when the application dies. GRAPH_OPTIONS may hold GraphOptions as JSON.
const { PORT, GRAPH_TOKEN, GRAPH_OPTIONS } = process.env;
if (GRAPH_TOKEN === undefined)
  throw new Error("GRAPH_TOKEN must hold the bearer token that clients will send.");

const options = JSON.parse(GRAPH_OPTIONS ?? "{}") as GraphOptions;
const graph = await startGraph({ ...options, port: Number(PORT ?? 0), token: GRAPH_TOKEN });
process.stdout.write(`${JSON.stringify({ baseUrl: graph.baseUrl })}\n`);

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    void graph.close();
  });
