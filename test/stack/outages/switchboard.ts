import { type Away, type Switch, startSwitch } from "./switch.ts";

/** What the app needs, and what can be away. */
export const connections = ["storage", "bus", "vault", "target", "source"] as const;
export type Connection = (typeof connections)[number];

/** Settings that name a connection. */
const settingsOf: Readonly<Record<Exclude<Connection, "source">, readonly string[]>> = {
  storage: ["AzureWebJobsStorage"],
  bus: ["ServiceBusConnection"],
  vault: ["CREDENTIAL_KEY_URI"],
  target: ["GRAPH_BASE_URL"],
};

/** Switches before everything the app talks to. */
export class Switchboard {
  readonly #switches = new Map<Connection, Switch[]>();

  /** The app's settings with every address of this machine behind a switch of its connection. */
  async through(settings: Readonly<Record<string, string>>): Promise<Record<string, string>> {
    const changed: Record<string, string> = { ...settings };
    for (const [connection, names] of Object.entries(settingsOf))
      for (const name of names)
        changed[name] = await this.#reroute(connection as Connection, settings[name] ?? "");
    return Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== ""));
  }

  /** @returns the port to use instead. */
  async before(connection: Connection, port: number): Promise<number> {
    const made = await startSwitch(port);
    this.#switches.set(connection, [...(this.#switches.get(connection) ?? []), made]);
    return made.port;
  }

  off(connection: Connection, how: Away): void {
    for (const each of this.#switches.get(connection) ?? []) each.off(how);
  }

  on(connection: Connection): void {
    for (const each of this.#switches.get(connection) ?? []) each.on();
  }

  cut(connection: Connection): void {
    for (const each of this.#switches.get(connection) ?? []) each.cut();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#switches.values()].flat().map((each) => each.stop()));
  }

  async #reroute(connection: Connection, text: string): Promise<string> {
    let rerouted = text;
    for (const [address, port] of text.matchAll(/127\.0\.0\.1:(\d+)/g))
      rerouted = rerouted.replace(address, `127.0.0.1:${await this.before(connection, Number(port))}`);
    return rerouted;
  }
}
