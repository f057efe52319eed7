import { readFileSync } from "node:fs";
import type { Deployment } from "./deployment.ts";
import { isArray, isObject, type Value, type ValueObject } from "./evaluate.ts";
import { bicepPaths } from "./templates.ts";

/** What each service must say so that no key opens it. */
const keyless: Readonly<Record<string, ValueObject>> = {
  "storage/storage-account": { allowSharedKeyAccess: false, allowBlobPublicAccess: false },
  "service-bus/namespace": { disableLocalAuth: true, authorizationRules: [] },
  "key-vault/vault": { enableRbacAuthorization: true, enablePurgeProtection: true },
  "insights/component": { disableLocalAuth: true },
  "operational-insights/workspace": { features: { disableLocalAuth: true } },
};

/** Functions that read keys, and texts that hold one. */
const keyed =
  /\blist\w*(Keys|Sas|Secrets)\w*\s*\(|AccountKey=|SharedAccessKey|InstrumentationKey=|getSecret\s*\(|@secure\b/i;

/** Services that a key would open, keys read by a template, and settings that hold one. */
export function keyProblems(folder: string, { deployed }: Deployment): readonly string[] {
  const problems: string[] = [];
  for (const { path, source, params } of deployed) {
    const [, name = ""] = source.match(/avm\/res\/([\w/-]+):/) ?? [];
    for (const [property, wanted] of Object.entries(keyless[name] ?? {}))
      if (!holds(params[property] ?? null, wanted))
        problems.push(`${path}: ${property} must be ${JSON.stringify(wanted)}`);
  }
  for (const path of bicepPaths(folder))
    for (const [line, text] of readFileSync(path, "utf8").split("\n").entries())
      if (keyed.test(text)) problems.push(`${path}:${line + 1}: ${text.trim()}`);
  return problems;
}

/** True if the value has at least what is wanted. */
function holds(value: Value, wanted: Value): boolean {
  if (isObject(wanted))
    return isObject(value) && Object.entries(wanted).every(([name, one]) => holds(value[name] ?? null, one));
  if (isArray(wanted)) return isArray(value) && value.length === wanted.length;
  return value === wanted;
}
