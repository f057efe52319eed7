import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectionHealth, HealthDetails } from "../../domain/api/service.ts";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { AppPermission } from "../../domain/permissions.ts";
import type { Probed } from "../ports/probed.ts";
import type { SweepRecord } from "../ports/sweep-record.ts";
import type { Clock } from "../runtime.ts";

/** Milliseconds after which a system that has not answered counts as away. */
const probeMs = 5_000;
/** How long an answer to anybody stands, so that many who ask cost no more than one. */
const keptMs = { healthy: 5_000, unhealthy: 1_000 };

export interface Health {
  /** True if everything the application needs is there. Asked anew every few seconds at most. Never throws. */
  isHealthy(): Promise<boolean>;
  /** Asks every system at once, for a few seconds at most; none of them is needed for the answer. Never throws. */
  details(): Promise<HealthDetails>;
}

export interface HealthParts {
  readonly version: string;
  /** Without its settings the application can ask nobody else. */
  readonly settings: Probed;
  /** By the name under which they are shown. */
  readonly connections: Readonly<Record<string, Probed>>;
  readonly sweeps: Pick<SweepRecord, "age">;
  /** What the token for the target lacks; undefined where the target takes none, or none that can be read. */
  readonly lackingPermissions: () => Promise<readonly AppPermission[] | undefined>;
  readonly clock: Clock;
}

export function createHealth(parts: HealthParts): Health {
  const { version, settings, connections, sweeps, clock } = parts;
  const seen = new Map<string, ConnectionHealth>();
  let kept: { readonly until: number; readonly healthy: Promise<boolean> } | undefined;

  async function look(name: string, { probe }: Probed): Promise<ConnectionHealth> {
    const found = await verdict(probe);
    const before = seen.get(name);
    const since = before?.status === found.status ? before.since : new Date(clock()).toISOString();
    const health = { name, ...found, since };
    seen.set(name, health);
    return health;
  }

  async function lookAtAll(): Promise<readonly ConnectionHealth[]> {
    const own = await look("settings", settings);
    if (own.status !== "ok") return [own];
    return [
      own,
      ...(await Promise.all(Object.entries(connections).map(([name, probed]) => look(name, probed)))),
    ];
  }

  async function missingPermissions(): Promise<HealthDetails["missingPermissions"]> {
    const lacking = await parts.lackingPermissions();
    return (
      lacking?.map(({ value, optional, lostWithout, exchangeRole }) => {
        const right =
          exchangeRole === undefined ? "" : ` That is right if Exchange gives "${exchangeRole}" for a group.`;
        return { name: value, optional, message: `The token does not name it. ${lostWithout}${right}` };
      }) ?? null
    );
  }

  return {
    isHealthy() {
      if (kept !== undefined && clock() < kept.until) return kept.healthy;
      const healthy = lookAtAll().then(isOk);
      kept = { until: Number.POSITIVE_INFINITY, healthy };
      return healthy.then((is) => {
        kept = { until: clock() + keptMs[is ? "healthy" : "unhealthy"], healthy };
        return is;
      });
    },
    async details() {
      const [found, ageMs, missing] = await Promise.all([
        lookAtAll(),
        inTime(() => sweeps.age()).catch(() => undefined),
        inTime(missingPermissions).catch(() => null),
      ]);
      return {
        status: isOk(found) ? "healthy" : "unhealthy",
        version,
        connections: found,
        lastSweep: ageMs === undefined ? null : { ageSeconds: Math.round(ageMs / 1000) },
        missingPermissions: missing,
      };
    },
  };
}

function isOk(found: readonly ConnectionHealth[]): boolean {
  return found.every(({ status }) => status === "ok");
}

async function verdict(
  probe: () => Promise<void>,
): Promise<Pick<ConnectionHealth, "status" | "code" | "message">> {
  try {
    await inTime(probe);
    return { status: "ok" };
  } catch (error) {
    // Nobody knows what an unknown error's text holds.
    if (!isMigrationError(error))
      return { status: "missing", code: "InternalError", message: "The probe failed in an unknown way." };
    const { kind, code, message } = error;
    return { status: kind === "transient" || kind === "throttled" ? "away" : "missing", code, message };
  }
}

async function inTime<T>(work: () => Promise<T>): Promise<T> {
  const end = new AbortController();
  try {
    return await Promise.race([
      work(),
      sleep(probeMs, undefined, { signal: end.signal }).then(() => {
        throw new MigrationError("transient", "NoAnswer", `There was no answer within ${probeMs / 1000} s.`);
      }),
    ]);
  } finally {
    end.abort();
  }
}
