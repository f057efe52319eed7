import { describe, expect, it } from "vitest";
import { FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

const warnings = async (migration: Migration) => (await migration.mailboxes())[0]?.warnings;

describe("guesses about damaged mail", () => {
  it("are counted by kind, each message once, and stay counted", async () => {
    const migration = new Migration(["ann"], { target: "graph", plan: new FaultPlan() });
    for (const number of [1, 2, 3]) migration.folder("INBOX").add(message(number));
    migration.folder("Projects").add(message(4));
    const { guesses } = migration.target();
    guesses.set(message(1).text, ["CharsetGuessed", "HeaderMended"]);
    guesses.set(message(2).text, ["CharsetGuessed"]);
    guesses.set(message(4).text, ["CharsetGuessed"]);
    guesses.set(message(5).text, ["OriginalAttached"]);
    await migration.upload();
    await migration.deployment.rest();
    expect(await warnings(migration)).toEqual({ CharsetGuessed: 3, HeaderMended: 1 });
    migration.folder("INBOX").add(message(5));
    await migration.deployment.perform(({ control }) => control.act(batch, "sync", "operator"));
    await migration.deployment.rest();
    expect(await warnings(migration)).toEqual({ CharsetGuessed: 3, HeaderMended: 1, OriginalAttached: 1 });
    await migration.expectAtRest();
  });
});
