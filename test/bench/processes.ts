import { readdirSync, readFileSync } from "node:fs";

// What the kernel tells of processes on this machine (Linux).

/** The kernel's unit of processor time (getconf CLK_TCK). */
const ticksPerSecond = 100;

/** Processor seconds of a process so far. @see proc_pid_stat(5), utime and stime */
export function cpuOf(pid: number): number {
  const fields = statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Processor seconds of this process's children that have ended. @see proc_pid_stat(5), cutime and cstime */
export function childrenCpu(): number {
  const fields = statOf(process.pid);
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
}

/** Megabytes a process has now (`VmRSS`), or had at most (`VmHWM`); 0 if it is gone. @see proc_pid_status(5) */
export function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  try {
    const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(
      readFileSync(`/proc/${pid}/status`, "utf8"),
    )?.[1];
    return Math.round(Number(kilobytes ?? 0) / 1024);
  } catch {
    return 0;
  }
}

/** The process in which the local host runs the app. @throws Error if there is none. */
export function workerOf(host: number): number {
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${entry}/status`, "utf8"))?.[1];
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8");
      if (Number(parent) === host && command.includes("worker-main")) return Number(entry);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error("the host has no worker");
}

/** The fields behind the program's name. */
function statOf(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
