import { expect, it } from "vitest";
import { FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

it.each([
  ["takes part", []],
  ["is left out", ["Sent"]],
])(
  "puts a folder below the target's own folder of a special use when that at the source %s",
  async (_, excludeFolders) => {
    const migration = new Migration(["ann"], { target: "graph", plan: new FaultPlan() });
    migration.folder("Sent").add(message(1));
    migration.folder("Sent/2020").add(message(2));
    await migration.upload({ options: { excludeFolders } });
    await migration.deployment.rest();
    const target = migration.target();
    expect(target.textsIn("Sent Items/2020")).toEqual([message(2).text]);
    expect(target.textsIn("Sent Items")).toEqual(excludeFolders.length > 0 ? [] : [message(1).text]);
    expect([...target.folders.values()].map(({ path }) => path)).not.toContain("Sent");
  },
);
