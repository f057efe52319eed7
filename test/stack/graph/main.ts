import { startGraph } from "./index.ts";

const { PORT, GRAPH_TOKEN } = process.env;
if (GRAPH_TOKEN === undefined)
  throw new Error("GRAPH_TOKEN must hold the bearer token that clients will send.");

const graph = await startGraph({ port: Number(PORT ?? 0), token: GRAPH_TOKEN });
process.stdout.write(`${JSON.stringify({ baseUrl: graph.baseUrl })}\n`);

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    void graph.close();
  });
