import { startHostileImap } from "../stack/hostile-imap/server.ts";

/** An honest server in a process of its own, so that nothing of it is slowed down by what is measured. */
const server = await startHostileImap({});
process.send?.(server.port);
process.on("disconnect", () => process.exit(0));
