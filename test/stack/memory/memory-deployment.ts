import { vi } from "vitest";
import type { TableStores } from "../../../shared/adapters/tables/table-stores.ts";
import type { FolderSyncMessage } from "../../../shared/domain/queue-messages.ts";
import { dailyWindow } from "../../../shared/migration/batch/life.ts";
import { dueAt, isActive } from "../../../shared/migration/mailbox/life.ts";
import type { MailRoute } from "../../../shared/migration/ports/mail-routing.ts";
import type { StepLimits } from "../../../shared/migration/sync/limits.ts";
import type { Queue, SessionLock } from "../service-bus/queue.ts";
import type { FaultPlan } from "./faults.ts";
import { MemoryBlobs } from "./memory-blobs.ts";
import { MemoryMail } from "./memory-mail.ts";
import { MemoryQueues } from "./memory-queues.ts";
import { MemorySource } from "./memory-source.ts";
import { storesOver, type Tables } from "./memory-stores.ts";
import { MemoryTable } from "./memory-table.ts";
import { MemoryTarget, type TargetKind } from "./memory-target.ts";
import { WorkerProcess } from "./process.ts";
import { type Outside, startWorker, type Worker } from "./worker.ts";

const minute = 60_000;
const renewalMs = 20_000;
/** The host finds its worker gone, and gives back what ran in it, within seconds. */
const abandonMs = 5_000;
/** A delivery that no worker can take comes back after so long. */
const failedDeliveryMs = 50;
/** A process that was told to end is ended after so long. */
const endMs = 8_000;
/** host.json: the host renews a session for so long, counted from its acceptance. */
const renewalLimitMs = 10 * minute;
/** A deployment that is not at rest after this long has got stuck. */
const patienceMs = 3 * 60 * minute;

export interface DeploymentSettings {
  readonly target: TargetKind;
  readonly plan: FaultPlan;
  /** How many processes take messages in turn; 1 where left out. */
  readonly processes?: number;
  readonly limits?: Partial<StepLimits>;
  /**
   * Milliseconds from a death to the next worker being ready. Meanwhile everything that is delivered fails, again and
   * again: a minute uses up its deliveries. 0 where left out: the messages come to another instance.
   */
  readonly restartMs?: number;
  /** False for a janitor's timer that has stopped for good. */
  readonly timer?: boolean;
  /** False where no mailbox is ever worked on: only what happens to a whole batch is looked at. */
  readonly steps?: boolean;
  /** Asked for each message of an operation: true hands it to a second worker at once. */
  readonly doubles?: () => boolean;
}

/**
 * The whole application in memory: its use cases in processes that can die, stand still and be started again, the
 * queues that deliver anew what was not settled, and the timers of the janitor and the reports. Time is the fake time of the test
 * (`vi.useFakeTimers`), moved on whenever nothing else is left to do.
 */
export class MemoryDeployment {
  readonly source = new MemorySource();
  readonly target: MemoryTarget;
  readonly blobs = new MemoryBlobs();
  readonly mail = new MemoryMail();
  /** Where the mail of every domain goes, as DNS says; nobody asks before a worker looks at domains. */
  route: MailRoute = { known: false };
  readonly queues = new MemoryQueues();
  /** As the application sees them: they count its requests. */
  readonly tables: Readonly<Record<keyof Tables, MemoryTable>>;
  /** As the test sees them. */
  readonly stores: TableStores;
  /** Names and fields of what the application logged. */
  readonly events: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
  /** How long each handling of a folder-sync message took. */
  readonly stepsMs: number[] = [];
  readonly #outside: Outside;
  readonly #plan: FaultPlan;
  readonly #workers: (Worker | undefined)[];
  readonly #ended = new Set<Worker>();
  readonly #scaledIn = new Set<Worker>();
  #isolated: Worker | undefined;
  readonly #restartMs: number;
  #turn = 0;
  #progress = 0;
  #noWorkerUntil = 0;
  /** What a rebuild of a batch's figures found wrong: never anything. */
  #differing: Readonly<Record<string, unknown>> | undefined;
  /** Of what was begun beside the messages. */
  #running = 0;
  readonly #steps: boolean;
  readonly #doubles: () => boolean;

  constructor({
    target,
    plan,
    processes = 1,
    limits = {},
    restartMs = 0,
    timer = true,
    steps = true,
    doubles = () => false,
  }: DeploymentSettings) {
    this.#steps = steps;
    this.#doubles = doubles;
    // What comes at full minutes comes at the same call in every run.
    vi.setSystemTime(Math.ceil(Date.now() / minute) * minute);
    this.#restartMs = restartMs;
    this.target = new MemoryTarget(target);
    this.#plan = plan;
    this.#workers = Array.from({ length: processes }, () => undefined);
    this.tables = {
      batches: new MemoryTable(),
      mailboxes: new MemoryTable(),
      ledgers: new MemoryTable(),
      admissions: new MemoryTable(),
      domains: new MemoryTable(),
    };
    this.stores = storesOver({
      batches: new MemoryTable(this.tables.batches),
      mailboxes: new MemoryTable(this.tables.mailboxes),
      ledgers: new MemoryTable(this.tables.ledgers),
      admissions: new MemoryTable(this.tables.admissions),
      domains: new MemoryTable(this.tables.domains),
    });
    this.#outside = {
      tables: this.tables,
      blobs: this.blobs,
      queues: this.queues,
      source: this.source,
      target: this.target,
      mail: this.mail,
      route: () => this.route,
      limits: { maxSeconds: 60, maxMessages: 1000, maxBytes: 2 ** 30, ...limits },
      log: (event, fields) => {
        this.events.push({ event, fields });
        if (event === "state.differed") this.#differing = fields;
      },
    };
    if (timer) setInterval(() => void this.#run(({ sweeps }) => sweeps.onTimer()), 5 * minute);
    setInterval(() => void this.#run(({ report }) => report()), 5 * minute);
  }

  /** Does something in a process, again in another one if it dies meanwhile, while everything else goes on. */
  async perform(action: (worker: Worker) => Promise<unknown>): Promise<void> {
    for (;;) {
      const worker = this.#worker();
      const outcome: { settled: boolean; error?: unknown } = { settled: false };
      action(worker).then(
        () => {
          outcome.settled = true;
        },
        (error: unknown) => Object.assign(outcome, { settled: true, error }),
      );
      await this.goOnUntil(async () => outcome.settled || !worker.process.alive);
      if (outcome.error !== undefined) throw outcome.error;
      if (outcome.settled) return;
    }
  }

  /** Tells all processes that they end, as a deployment does; new ones take what comes. */
  endWorkers(): void {
    for (const [index, worker] of this.#workers.entries()) {
      this.#workers[index] = undefined;
      if (worker === undefined) continue;
      this.#ended.add(worker);
      worker.end();
      setTimeout(() => worker.process.kill(), endMs);
    }
  }

  /**
   * Scales all instances in: they take no new work, end the steps they are at, and keep their sessions locked for as long
   * as the host renews them. Others take what comes.
   */
  scaleIn(): void {
    for (const [index, worker] of this.#workers.entries()) {
      this.#workers[index] = undefined;
      if (worker !== undefined) this.#scaledIn.add(worker);
    }
  }

  /** Begins something in a process beside everything else. */
  begin(action: (worker: Worker) => Promise<unknown>): void {
    void this.#run(async (worker) => {
      await action(worker);
    });
  }

  /** Lets everything go on for a while. @param ms fake time. */
  async goOnFor(ms: number): Promise<void> {
    const end = Date.now() + ms;
    setTimeout(() => undefined, ms);
    await this.goOnUntil(async () => Date.now() >= end);
  }

  /**
   * Lets everything go on until nothing waits, runs or is owed any more.
   * @throws Error with what is left, if that does not happen within three hours.
   */
  async rest(): Promise<void> {
    await this.goOnUntil(() => this.#isAtRest());
  }

  /** Lets everything go on until `done`, which is asked whenever only time can change anything. */
  async goOnUntil(done: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + patienceMs;
    for (;;) {
      this.#deliver();
      const before = this.#progress;
      await quiet();
      if (this.#differing) throw new Error(`figures were wrong: ${JSON.stringify(this.#differing)}`);
      if (this.#progress !== before) continue;
      if (await done()) return;
      if (Date.now() > end) throw new Error(`not at rest: ${JSON.stringify(await this.#left())}`);
      const { operations, folderSync, isolatedSync, janitor } = this.queues;
      const due = [operations, folderSync, isolatedSync, janitor].map(
        (queue) => queue.nextDueAt() ?? Infinity,
      );
      const wake = Math.min(...due);
      const timer = Number.isFinite(wake)
        ? setTimeout(() => undefined, Math.max(0, wake - Date.now()))
        : undefined;
      vi.advanceTimersToNextTimer();
      clearTimeout(timer);
      this.#progress++;
    }
  }

  #worker(): Worker {
    const index = this.#turn++ % this.#workers.length;
    const found = this.#workers[index];
    // A process that stands still asks for no messages; another one is started in its place.
    if (found?.process.alive && !found.process.unresponsive) return found;
    const started = this.#start();
    void started.process.death.then(() => {
      this.#noWorkerUntil = Math.max(this.#noWorkerUntil, Date.now() + abandonMs + this.#restartMs);
    });
    this.#workers[index] = started;
    return started;
  }

  /** The platform scales each function on instances of its own: this one's. */
  #isolatedWorker(): Worker {
    if (!this.#isolated?.process.alive || this.#isolated.process.unresponsive) this.#isolated = this.#start();
    return this.#isolated;
  }

  #start(): Worker {
    return startWorker(new WorkerProcess(this.#plan), this.#outside);
  }

  /** Runs something in the next process. What fails is for the queue or the next timer to repeat. */
  async #run(action: (worker: Worker) => Promise<void>): Promise<void> {
    this.#progress++;
    this.#running++;
    const worker = this.#worker();
    const done = action(worker).catch((error: unknown) =>
      this.events.push({ event: "failed", fields: { error } }),
    );
    await Promise.race([done, worker.process.death]);
    this.#running--;
    this.#progress++;
  }

  #deliver(): void {
    const { operations, folderSync, isolatedSync, janitor } = this.queues;
    this.#deliverAll(operations, (worker, message) => worker.operation(message));
    this.#deliverAll(janitor, ({ sweeps }, message) => sweeps.onMessage(message));
    if (!this.#steps) return;
    for (let session = accept(folderSync); session; session = accept(folderSync)) {
      this.#progress++;
      if (this.#hasNoWorker) void this.#failAll(folderSync, session);
      else void this.#serve(folderSync, session, this.#worker(), false);
    }
    for (let session = accept(isolatedSync); session; session = accept(isolatedSync)) {
      this.#progress++;
      void this.#serve(isolatedSync, session, this.#isolatedWorker(), true);
    }
  }

  /** True while the host has no worker for what it is given; then every delivery fails at once. */
  get #hasNoWorker(): boolean {
    return this.#restartMs > 0 && Date.now() < this.#noWorkerUntil;
  }

  /** Delivers a session's messages in vain, as a host does that has no worker for them, until it has one. */
  async #failAll<T>(queue: Queue<T>, session: SessionLock): Promise<void> {
    while (this.#hasNoWorker) {
      const message = next(queue, session);
      if (message === undefined) break;
      const { token } = message.lock;
      await new Promise((resolve) => setTimeout(resolve, failedDeliveryMs));
      queue.abandon(token);
    }
    queue.releaseSession(session);
    this.#progress++;
  }

  #deliverAll<T>(queue: Queue<T>, handle: (worker: Worker, message: T) => Promise<void>): void {
    for (let message = queue.lockNext(); message; message = queue.lockNext()) {
      const { content, lock } = message;
      this.#progress++;
      if (this.#hasNoWorker) {
        setTimeout(() => queue.abandon(lock.token), failedDeliveryMs);
        continue;
      }
      const worker = this.#worker();
      if (this.#doubles()) void this.#run((other) => handle(other, content));
      const renewal = this.#whileRenewed(worker, () => queue.renewLock(lock.token));
      void this.#settle(queue, lock.token, worker, handle(worker, content)).then(() =>
        clearInterval(renewal),
      );
    }
  }

  /** Handles the messages of a session one after another, as long as there are any and the worker lives. */
  async #serve(
    queue: Queue<FolderSyncMessage>,
    session: SessionLock,
    worker: Worker,
    isolated: boolean,
  ): Promise<void> {
    const renewal = this.#whileRenewed(worker, () => queue.renewSession(session));
    for (let message = next(queue, session); message; message = next(queue, session)) {
      const startedAt = Date.now();
      await this.#settle(queue, message.lock.token, worker, worker.folderSync(message.content, isolated));
      this.stepsMs.push(Date.now() - startedAt);
      // Its renewal goes on until the host's limit.
      if (this.#scaledIn.has(worker)) return;
      if (!worker.process.alive || this.#ended.has(worker)) break;
    }
    clearInterval(renewal);
    queue.releaseSession(session);
    this.#progress++;
  }

  /**
   * Completes a message that was handled, or gives it back, as the host does for a worker that died. A lock that ended
   * meanwhile leaves it to somebody else.
   */
  async #settle<T>(queue: Queue<T>, token: string, worker: Worker, handled: Promise<void>): Promise<void> {
    const died = worker.process.death.then(async () => {
      await new Promise((resolve) => setTimeout(resolve, abandonMs));
      throw new Error("the worker process ended");
    });
    const outcome = await Promise.race([handled, died]).then(
      () => "complete" as const,
      (error: unknown) => {
        this.events.push({ event: "thrown", fields: { error } });
        return "abandon" as const;
      },
    );
    this.#progress++;
    try {
      queue[outcome](token);
    } catch {
      this.#progress++;
    }
  }

  /** Renews a lock as the host does: from the acceptance on for a limited time, whatever its worker does. */
  #whileRenewed(worker: Worker, renew: () => void): NodeJS.Timeout {
    const end = Date.now() + renewalLimitMs;
    const timer = setInterval(() => {
      if (Date.now() >= end) return clearInterval(timer);
      if (worker.process.frozen) return;
      try {
        renew();
      } catch {
        clearInterval(timer);
      }
    }, renewalMs);
    return timer;
  }

  async #isAtRest(): Promise<boolean> {
    const { active, permits, messages } = await this.#left();
    return active.length === 0 && permits === 0 && messages === 0 && this.#running === 0;
  }

  async #left() {
    const active: string[] = [];
    let permits = 0;
    for (const batch of await this.stores.batches.list()) {
      if (batch.intent === "removing") active.push(batch.name);
      const mailboxes = [];
      for await (const { value } of this.stores.mailboxes.scan(batch.name)) mailboxes.push(value);
      const window = dailyWindow(batch, mailboxes.length);
      for (const value of mailboxes)
        if (isActive(value) || dueAt(value, window) !== undefined)
          active.push(`${value.emailAddress}: ${value.status} ${value.error?.code ?? ""}`);
    }
    for (const endpoint of await this.stores.admissions.endpoints()) {
      permits += (await this.stores.admissions.permits(endpoint)).length;
    }
    return { active, permits, messages: this.queues.pending };
  }
}

function accept<T>(queue: Queue<T>): SessionLock | undefined {
  return queue.acceptNextSession(() => undefined);
}

/** The next message of a session; none if its lock has ended. */
function next<T>(queue: Queue<T>, session: SessionLock) {
  return session.held ? queue.lockNext(session) : undefined;
}

/** Waits until all that can go on without time passing has done so. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
