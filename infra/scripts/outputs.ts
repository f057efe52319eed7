/** The outputs of `az deployment sub create` from the standard input, as lines that a shell reads. */
import { text } from "node:stream/consumers";
import { z } from "zod";
import { runCommand } from "./command.ts";
import { assignment } from "./values.ts";

const outputs = z.record(z.string(), z.object({ value: z.string() }));

/**
 * @param json the object `properties.outputs` of a deployment. Azure Resource Manager changes the case of its names.
 * @throws Error if it holds none: the deployment failed.
 */
export function assignments(json: string): readonly string[] {
  const parsed = outputs.safeParse(json.trim() === "" ? {} : JSON.parse(json));
  const found = Object.entries(parsed.data ?? {});
  if (found.length === 0)
    throw new Error("No outputs: the deployment did not end well. See the message of the Azure CLI above.");
  return found.map(([name, { value }]) => assignment(name.toUpperCase(), value));
}

if (import.meta.main)
  await runCommand(async () => console.log(assignments(await text(process.stdin)).join("\n")));
