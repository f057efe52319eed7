import { once } from "node:events";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { isMigrationError } from "../../domain/errors.ts";
import type {
  CertificateSummary,
  ProbeReport,
  ProbeStep,
  ProbeTarget,
  ServerProbe,
} from "../../migration/ports/server-probe.ts";
import { pinnedLookup } from "../pinned-lookup.ts";
import { judgeCertificate } from "./certificate.ts";
import { classifyFailure, classifyReply, notImap, type Scene } from "./classify.ts";
import { LineConnection } from "./line-connection.ts";
import { preauthenticated } from "./login.ts";
import { printable } from "./printable.ts";

/** Milliseconds for each step, unless told otherwise. */
const defaultStepMs = 10_000;
const maxLines = 50;
const maxCapabilities = 100;

/** Looks at IMAP servers from outside. @param stepMs milliseconds that each step may take. */
export function createServerProbe(stepMs = defaultStepMs): ServerProbe {
  return { probe: (target, signal) => new Probe(target, stepMs, signal).report() };
}

/** What a step that did not fail has to say. */
type Verdict = Pick<ProbeStep, "outcome" | "code" | "message">;

class Probe {
  readonly #target: ProbeTarget;
  readonly #scene: Scene;
  readonly #stepMs: number;
  readonly #signal: AbortSignal;
  readonly #steps: ProbeStep[] = [];
  #socket: Socket | undefined;
  #certificate: CertificateSummary | undefined;
  #greeting: string | undefined;
  #capabilities: readonly string[] | undefined;

  constructor(target: ProbeTarget, stepMs: number, signal: AbortSignal) {
    this.#target = target;
    this.#scene = { side: "source", host: target.host, port: target.port, stage: "session" };
    this.#stepMs = stepMs;
    this.#signal = signal;
  }

  async report(): Promise<ProbeReport> {
    const end = () => this.#socket?.destroy(timedOut());
    this.#signal.addEventListener("abort", end);
    try {
      await this.#look();
    } catch (error) {
      if (!isMigrationError(error)) throw error;
    } finally {
      this.#signal.removeEventListener("abort", end);
      this.#socket?.destroy();
    }
    return {
      steps: this.#steps,
      certificate: this.#certificate,
      greeting: this.#greeting,
      capabilities: this.#capabilities,
    };
  }

  async #look(): Promise<void> {
    const socket = await this.#step("tcp", () => this.#connect());
    if (this.#target.security === "ssl") {
      const lines = new LineConnection(await this.#secure(async () => socket));
      await this.#greet(lines);
      await this.#ask(lines);
      return;
    }
    const plain = new LineConnection(socket);
    await this.#greet(plain);
    if (this.#target.security === "none") return this.#ask(plain);
    await this.#ask(new LineConnection(await this.#secure(() => this.#startTls(plain, socket))));
  }

  async #connect(): Promise<[Socket, Verdict]> {
    const { host, port, addresses } = this.#target;
    const socket = connect({ host, port, lookup: pinnedLookup(addresses), autoSelectFamily: true });
    this.#socket = socket;
    // Errors after the one that a step waits for have nobody else to tell.
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return [socket, ok(`Connected to ${socket.remoteAddress}.`)];
  }

  /** TLS and its certificate. @param ready gives the socket as soon as TLS may start on it. */
  async #secure(ready: () => Promise<Socket>): Promise<TLSSocket> {
    const { host, acceptUntrustedCertificates } = this.#target;
    const secure = await this.#step("tls", async () => {
      const socket = await ready();
      const tls = connectTls({
        socket,
        rejectUnauthorized: false,
        ...(isIP(host) === 0 ? { servername: host } : {}),
      });
      this.#socket = tls;
      tls.on("error", () => undefined);
      await secured(tls);
      return [tls, ok(`${tls.getProtocol()} with ${tls.getCipher().standardName}.`)] as const;
    });
    const judged = judgeCertificate(secure, host);
    this.#certificate = judged?.summary;
    const problem = judged === undefined ? "CERT_UNTRUSTED" : judged.problem;
    const error = problem === undefined ? undefined : classifyFailure({ code: problem }, this.#scene);
    this.#steps.push({
      step: "certificate",
      ...(error === undefined
        ? ok("The certificate is trusted and for this host.")
        : acceptUntrustedCertificates
          ? {
              outcome: "warning",
              code: error.code,
              message: `${error.message} The endpoint accepts untrusted certificates.`,
            }
          : { outcome: "failed", code: error.code, message: error.message }),
      durationMs: 0,
    });
    return secure;
  }

  async #greet(lines: LineConnection): Promise<void> {
    await this.#step("greeting", async () => {
      const line = await lines.readLine();
      const [, status, text = ""] = /^\* (OK|PREAUTH|BYE)\b(.*)/i.exec(line) ?? [];
      if (status === undefined) throw notImap(this.#scene);
      this.#greeting = printable(line);
      if (/^bye$/i.test(status)) throw classifyFailure({ reason: text }, this.#scene);
      if (/^preauth$/i.test(status)) throw preauthenticated(this.#scene);
      return [undefined, ok("The server greets as an IMAP server.")];
    });
  }

  async #startTls(lines: LineConnection, socket: Socket): Promise<Socket> {
    const capabilities = await this.#capabilitiesOf(lines);
    if (!capabilities.includes("STARTTLS"))
      throw classifyFailure({ message: "Server does not support STARTTLS" }, this.#scene);
    await this.#command(lines, "STARTTLS");
    if (!lines.release()) throw classifyFailure({ tlsFailed: true }, this.#scene);
    return socket;
  }

  async #ask(lines: LineConnection): Promise<void> {
    await this.#step("capabilities", async () => {
      const capabilities = await this.#capabilitiesOf(lines);
      this.#capabilities = capabilities.slice(0, maxCapabilities).map(printable);
      lines.write("z LOGOUT");
      if (this.#target.security === "none" && capabilities.includes("LOGINDISABLED"))
        throw classifyReply(
          { status: "NO", code: "PRIVACYREQUIRED", codeArguments: [], text: "" },
          { ...this.#scene, stage: "login" },
        );
      return [undefined, ok(`The server offers ${capabilities.length} capabilities.`)];
    });
  }

  async #capabilitiesOf(lines: LineConnection): Promise<string[]> {
    const untagged = await this.#command(lines, "CAPABILITY");
    const list = untagged.find((line) => /^\* CAPABILITY /i.test(line)) ?? "";
    return list.toUpperCase().split(" ").slice(2).filter(Boolean);
  }

  /** @returns the untagged lines. @throws MigrationError if the command is refused. */
  async #command(lines: LineConnection, command: string): Promise<string[]> {
    lines.write(`a ${command}`);
    const untagged: string[] = [];
    while (untagged.length < maxLines) {
      const line = await lines.readLine();
      const [, status, text = ""] = /^a (OK|NO|BAD)\b(.*)/i.exec(line) ?? [];
      if (status === undefined) untagged.push(line);
      else if (/^ok$/i.test(status)) return untagged;
      else throw classifyReply({ status: "NO", code: "", codeArguments: [], text }, this.#scene);
    }
    throw notImap(this.#scene);
  }

  /** @throws MigrationError if the step failed, which is noted then. */
  async #step<T>(name: ProbeStep["step"], work: () => Promise<readonly [T, Verdict]>): Promise<T> {
    const startedAt = performance.now();
    const note = (verdict: Verdict) =>
      this.#steps.push({ step: name, ...verdict, durationMs: Math.round(performance.now() - startedAt) });
    const timer = setTimeout(() => this.#socket?.destroy(timedOut()), this.#stepMs);
    try {
      if (this.#signal.aborted) throw timedOut();
      const [result, verdict] = await work();
      note(verdict);
      return result;
    } catch (thrown) {
      const error = classifyFailure(thrown, this.#scene);
      note({ outcome: "failed", code: error.code, message: error.message });
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Whatever ends a handshake but the clock is TLS that could not be started. */
async function secured(socket: TLSSocket): Promise<void> {
  const closed = new AbortController();
  socket.once("close", () => closed.abort());
  try {
    await once(socket, "secureConnect", { signal: closed.signal });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "ETIMEDOUT") throw error;
    throw { tlsFailed: true, ...(code.startsWith("ERR_SSL_") ? { code } : {}) };
  }
}

function ok(message: string): Verdict {
  return { outcome: "ok", message };
}

function timedOut(): Error {
  return Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" });
}
