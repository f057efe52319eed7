import { MigrationError } from "../../../shared/domain/errors.ts";
import type { TargetFolderId } from "../../../shared/domain/names.ts";
import type { OutgoingMessage } from "../../../shared/migration/ports/target.ts";
import type { FaultPlan } from "./faults.ts";

const generatorMethod = Object.getPrototypeOf(async function* () {}).constructor;

/**
 * One worker process: whatever its code does to the outside goes through it, until it dies. What a dead process still
 * asks for never happens and is never answered.
 */
export class WorkerProcess {
  readonly #plan: FaultPlan;
  readonly #death = Promise.withResolvers<void>();
  #alive = true;
  #standsStillUntil = 0;
  #busyUntil = 0;
  #standstills = 0;

  constructor(plan: FaultPlan) {
    this.#plan = plan;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** How often it was busy for ten seconds or more. */
  get standstills(): number {
    return this.#standstills;
  }

  /** Settles when the process has died. */
  get death(): Promise<void> {
    return this.#death.promise;
  }

  /** True while its machine stands still: then nothing renews its locks either. */
  get frozen(): boolean {
    return Date.now() < this.#standsStillUntil;
  }

  /** True while the process itself does nothing, for whatever reason. */
  get unresponsive(): boolean {
    return this.frozen || Date.now() < this.#busyUntil;
  }

  kill(): void {
    this.#alive = false;
    this.#death.resolve();
  }

  /**
   * The same object as this process sees it: each call of a method, and each start of a stream, is a call to the outside.
   * Objects that a method returns and that `isPort` accepts are seen the same way.
   */
  seeing<T extends object>(name: string, port: T, isPort: (value: unknown) => boolean = () => false): T {
    return new Proxy(port, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== "function") return member;
        const called = `${name}.${String(property)}`;
        if (member instanceof generatorMethod)
          return (...given: unknown[]) =>
            this.#stream(called, given, () => Reflect.apply(member, target, given));
        return async (...given: unknown[]) => {
          const effect = async () => Reflect.apply(member, target, given);
          const result: unknown = await this.#call(called, given, effect);
          return isPort(result) ? this.seeing(name, result as object, isPort) : result;
        };
      },
    });
  }

  async *#stream(
    name: string,
    given: readonly unknown[],
    open: () => AsyncIterable<unknown>,
  ): AsyncGenerator<unknown> {
    await this.#call(name, given, async () => undefined);
    for await (const value of open()) {
      if (!this.#alive) await never();
      yield value;
    }
  }

  async #call<T>(name: string, given: readonly unknown[], effect: () => Promise<T>): Promise<T> {
    const calledAt = Date.now();
    while (this.#alive && this.unresponsive)
      await sleep(Math.max(this.#standsStillUntil, this.#busyUntil) - Date.now());
    if (!this.#alive) return never();
    const fault = this.#plan.next(name, given);
    switch (fault?.kind) {
      case "diesBefore":
        this.kill();
        return never();
      case "diesAfter":
        this.kill();
        await effect().catch(() => undefined);
        return never();
      case "landsLate":
        this.kill();
        setTimeout(() => void effect().catch(() => undefined), fault.afterMs);
        return never();
      case "stalls":
        this.#standsStillUntil = Date.now() + fault.forMs;
        await sleep(fault.forMs);
        break;
      case "blocks":
        this.#busyUntil = Date.now() + fault.forMs;
        if (fault.forMs >= 10_000) this.#standstills++;
        await sleep(fault.forMs);
        break;
      case "slow":
        await sleep(fault.forMs);
        if (!this.#alive) return never();
        break;
      case "fails":
        await sleep(fault.afterMs);
        if (!this.#alive) return never();
        throw fault.error;
    }
    // No adapter begins a write once its time is over.
    if (name === "target.write" && Date.now() - calledAt >= timeoutOf(given)) throw outOfTime();
    const result = await effect();
    return this.#alive ? result : never();
  }
}

/** In milliseconds. */
function timeoutOf(given: readonly unknown[]): number {
  const [, message] = given as [TargetFolderId, OutgoingMessage];
  return message.timeoutMs;
}

function outOfTime(): MigrationError {
  return new MigrationError("transient", "WriteTimeout", "The process stood still for too long.");
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
