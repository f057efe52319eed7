import { ensureServersInstalled } from "../imap-servers/install.ts";

/** Runs once before the tests that need real IMAP servers. */
export default async function setup(): Promise<void> {
  await ensureServersInstalled();
}
