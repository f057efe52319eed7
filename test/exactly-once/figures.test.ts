import { expect, it } from "vitest";
import type { MailboxView } from "../../shared/domain/api/mailboxes.ts";
import { MigrationError } from "../../shared/domain/errors.ts";
import { mailboxView } from "../../shared/migration/status/status.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

/** Every so many writes one fails, and after each change of a mailbox's row somebody looks at it. */
class Poll extends FaultPlan {
  look: () => void = () => undefined;
  readonly #every: number;
  #writes = 0;

  constructor(every: number) {
    super();
    this.#every = every;
  }

  override next(name: string, given: readonly unknown[]): Fault | undefined {
    super.next(name, given);
    if (!name.startsWith("target.") && !name.startsWith("mailboxes.")) return undefined;
    this.look();
    if (name !== "target.write" || ++this.#writes % this.#every > 0) return undefined;
    const error = new MigrationError("transient", "Away", "It does not answer.");
    return { kind: "fails", afterMs: 100, error };
  }
}

const paths = ["INBOX", "Mail", "Work", "Work/Old", "Home"];

/** What polls see of a mailbox in three rounds, whatever happens at the source. */
async function watched(disturb: (migration: Migration, path: string) => void): Promise<MailboxView[]> {
  const plan = new Poll(7);
  const migration = new Migration(["ann"], { target: "graph", plan, limits: { maxMessages: 4 } });
  for (const [index, path] of paths.entries())
    for (let n = 1; n <= 6; n++) migration.folder(path).add(message(index * 100 + n));
  const seen: MailboxView[] = [];
  let looking = Promise.resolve();
  plan.look = () => {
    looking = looking.then(async () => {
      for (const mailbox of await migration.mailboxes()) {
        const view = mailboxView(mailbox, { intent: "running" }, Date.now());
        if (JSON.stringify(view) !== JSON.stringify(seen.at(-1))) seen.push(view);
      }
    });
  };
  await migration.upload();
  await migration.deployment.rest();
  for (const path of paths) {
    disturb(migration, path);
    await migration.sync();
    await migration.deployment.rest();
  }
  await migration.expectSettled();
  await looking;
  return seen;
}

it.each([
  ["nothing", () => undefined],
  [
    "new mail",
    (migration: Migration, path: string) =>
      void migration.folder(path).add(message(900 + paths.indexOf(path))),
  ],
  ["another UIDVALIDITY", (migration: Migration, path: string) => migration.folder(path).renumber()],
  [
    "moves between folders",
    (migration: Migration, path: string) => {
      const from = migration.folder(path).messages;
      const [uid, moved] = [...from][0] ?? [];
      if (uid === undefined || moved === undefined) throw new Error("the folder is empty");
      from.delete(uid);
      migration.folder(path === "Home" ? "Mail" : "Home").add(moved);
    },
  ],
])(
  "no count of copied mail and no percentage falls while a mailbox pauses and resumes: %s",
  async (_, disturb) => {
    const seen = await watched(disturb);
    const falls = seen.flatMap((view, index) => {
      const before = seen[index - 1];
      if (before === undefined) return [];
      const fell = (["syncedItemCount", "bytesTransferred", "percentageComplete"] as const).filter(
        (figure) => view[figure] < before[figure],
      );
      return fell.map((figure) => `${figure}: ${before[figure]} -> ${view[figure]} (${view.status})`);
    });
    expect(falls).toEqual([]);
    expect(seen.length).toBeGreaterThan(20);
    expect(seen.at(-1)).toMatchObject({ percentageComplete: 100, status: "Synced" });
  },
);
