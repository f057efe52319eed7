import { execFileSync, spawnSync } from "node:child_process";
import { z } from "zod";

const values = z.record(z.string(), z.string());

let ofAzd: Readonly<Record<string, string>> | undefined;

/** The values of azd's environment; none where azd is not there or has no environment. */
function azdValues(): Readonly<Record<string, string>> {
  if (ofAzd !== undefined) return ofAzd;
  const { status, stdout } = spawnSync("azd", ["env", "get-values", "--output", "json"], {
    encoding: "utf8",
  });
  ofAzd = status === 0 ? (values.safeParse(JSON.parse(stdout)).data ?? {}) : {};
  return ofAzd;
}

/** A value of the deployment, from the environment or else from azd's; undefined if neither has one. */
export function findValue(name: string): string | undefined {
  return process.env[name] || azdValues()[name] || undefined;
}

/**
 * A value of the deployment.
 * @throws Error that names what is missing.
 */
export function deploymentValue(name: string): string {
  const value = findValue(name);
  if (value === undefined)
    throw new Error(
      `${name} is not set. azd has it in its environment: from \`azd env set ${name} <value>\` where you choose it, from \`azd provision\` where Azure does. Without azd see infra/docs/azure-cli.md.`,
    );
  return value;
}

/** Hands a value on: to azd's environment, or with `--print` to the standard output, as a line of a shell. */
export function handOver(name: string, value: string): void {
  if (process.argv.includes("--print")) console.log(assignment(name, value));
  else execFileSync("azd", ["env", "set", name, value], { stdio: "inherit" });
}

/** `NAME='value'`, which a shell reads as it is. */
export function assignment(name: string, value: string): string {
  return `${name}='${value.replaceAll("'", "'\\''")}'`;
}
