import { type BlockBlobClient, type ContainerClient, RestError } from "@azure/storage-blob";
import type { Invoker, TriggeredFunction } from "./invocation.ts";
import { describeError, type Log } from "./log.ts";
import { parseSchedule, type Schedule } from "./ncrontab.ts";
import { resolveSettings, type Settings } from "./settings.ts";
import type { TriggerListener } from "./trigger-listener.ts";

/** Longest delay setTimeout takes. */
const longestSleepMs = 2 ** 31 - 1;

/** What the host keeps of a schedule, as ISO dates. Without `Last` it has never run. */
interface ScheduleStatus {
  readonly Last?: string;
  readonly Next: string;
  readonly LastUpdated: string;
}

export interface TimerTriggerOptions {
  readonly target: TriggeredFunction;
  readonly settings: Settings;
  readonly hostId: string;
  /** The host's own container, where the status of schedules lies. */
  readonly hostContainer: ContainerClient;
  readonly invoker: Invoker;
  readonly log: Log;
}

export interface TimerTrigger extends TriggerListener {
  /** Runs the function once more, now. */
  runNow(): void;
}

/**
 * Runs a function on its schedule, in UTC. An occurrence that was missed while no host ran happens at the next start,
 * with `isPastDue`. The real host's lock, which lets one instance at a time run a timer, is left out: with two
 * processes a handler meets itself.
 * @throws SyntaxError for a schedule that is wrong.
 */
export function createTimerTrigger(options: TimerTriggerOptions): TimerTrigger {
  const { target, hostId, hostContainer, invoker, log } = options;
  const schedule = parseSchedule(resolveSettings(String(target.trigger.schedule), options.settings));
  // As in the real host, a schedule of less than a minute is not worth a status.
  const monitored = target.trigger.useMonitor !== false && intervalMs(schedule) >= 60_000;
  const statusBlob = monitored
    ? hostContainer.getBlockBlobClient(`timers/${hostId}/Host.Functions.${target.name}/status`)
    : undefined;
  const running = new Set<Promise<void>>();
  let status: ScheduleStatus | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function invoke(isPastDue: boolean): Promise<void> {
    const startedAt = new Date().toISOString();
    const data = { Schedule: { AdjustForDST: true }, ScheduleStatus: status ?? null, IsPastDue: isPastDue };
    // A failure is logged by the invoker, and the schedule goes on.
    await invoker.invoke(target, { data: { json: JSON.stringify(data) } }).catch(() => undefined);
    await record({ Last: startedAt, Next: nextText(schedule), LastUpdated: startedAt });
  }

  async function record(newStatus: ScheduleStatus): Promise<void> {
    status = newStatus;
    if (!statusBlob) return;
    const text = JSON.stringify(newStatus);
    await statusBlob.upload(text, Buffer.byteLength(text)).catch((error: unknown) =>
      log("error", `Host.Triggers.Timer.${target.name}`, "Schedule status not written", {
        error: describeError(error),
      }),
    );
  }

  async function run(isPastDue = false): Promise<void> {
    const invocation = invoke(isPastDue).finally(() => running.delete(invocation));
    running.add(invocation);
    await invocation;
  }

  /** @param last the occurrence that ran before: one that passed while it ran happens at once, as in the real host. */
  function sleepUntilDue(last?: Date): void {
    if (stopped) return;
    const due = last === undefined ? schedule.next(new Date()) : schedule.next(last);
    const sleep = (): void => {
      const left = due.getTime() - Date.now();
      // However many were missed, one run makes up for them.
      if (left <= 0) run().finally(() => sleepUntilDue(left < 0 && last ? undefined : due));
      else timer = setTimeout(sleep, Math.min(left, longestSleepMs));
    };
    sleep();
  }

  return {
    async start() {
      const now = new Date();
      status = statusBlob && (await readStatus(statusBlob));
      const isPastDue = status !== undefined && missed(status, schedule, now);
      if (!isPastDue)
        await record({
          ...(status?.Last !== undefined && { Last: status.Last }),
          Next: nextText(schedule),
          LastUpdated: now.toISOString(),
        });
      if (isPastDue || target.trigger.runOnStartup === true) run(isPastDue).finally(() => sleepUntilDue());
      else sleepUntilDue();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await Promise.all(running);
    },
    runNow() {
      void run();
    },
  };
}

/** True if the stored occurrence is past. One that another schedule stored does not count. */
function missed(status: ScheduleStatus, schedule: Schedule, now: Date): boolean {
  const expected = schedule.next(new Date(status.Last ?? status.LastUpdated));
  return expected.toISOString() === status.Next && expected < now;
}

function nextText(schedule: Schedule): string {
  return schedule.next(new Date()).toISOString();
}

function intervalMs(schedule: Schedule): number {
  const first = schedule.next(new Date());
  return schedule.next(first).getTime() - first.getTime();
}

async function readStatus(blob: BlockBlobClient): Promise<ScheduleStatus | undefined> {
  try {
    return JSON.parse((await blob.downloadToBuffer()).toString("utf8")) as ScheduleStatus;
  } catch (error) {
    if (error instanceof RestError && error.statusCode === 404) return undefined;
    throw error;
  }
}
