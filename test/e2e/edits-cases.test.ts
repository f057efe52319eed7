import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adoptLasting, messageOf } from "./edits/generator.ts";
import type { SourceMessage } from "./edits/source-mailbox.ts";
import { type Played, type Stage, startStage, type TargetKind } from "./edits/stage.ts";

const date = new Date(Date.UTC(2020, 1, 29, 12, 30, 15));

interface Case {
  readonly title: string;
  readonly propagateDeletes?: boolean;
  readonly confirmations?: number;
  readonly rounds: readonly ((played: Played) => Promise<void>)[];
  readonly during?: (played: Played) => Promise<void>;
}

/** The mailbox of most cases: four messages in Team, one in Other. */
async function begin({ source }: Played): Promise<void> {
  adoptLasting(source);
  for (const path of ["Team", "Other"]) await source.create(path);
  for (const look of ["a", "b", "c", "d"]) await append(source, "Team", look);
  await append(source, "Other", "o");
}

const append = (source: Played["source"], path: string, look: string) =>
  source.append(path, messageOf(look, look, date), ["\\Seen"]);

function messageIn({ source }: Played, path: string, look: string): SourceMessage {
  const found = source.folders.get(path)?.messages.find((message) => message.look === look);
  if (found === undefined) throw new Error(`${look} is not in ${path}`);
  return found;
}

const move = (played: Played, look: string, from: string, to: string) =>
  played.source.move(from, messageIn(played, from, look), to);

async function deleteInTarget({ user, model }: Played, folder: string): Promise<void> {
  await user.deleteFolder(folder);
  model.folderDeleted(folder);
}

const cases: readonly Case[] = [
  {
    title: "a message that left a folder with a new UIDVALIDITY takes its copy along",
    rounds: [
      begin,
      async (played) => {
        await move(played, "a", "Team", "Other");
        await played.source.renew("Team");
      },
    ],
  },
  {
    title: "messages moved between two folders with new UIDVALIDITYs, one of them renamed",
    rounds: [
      begin,
      async (played) => {
        await move(played, "a", "Team", "Other");
        await move(played, "o", "Other", "Team");
        await played.source.renew("Team");
        await played.source.renew("Other");
        await played.source.rename("Team", "Crew");
      },
    ],
  },
  {
    title: "a renamed folder is known by whatever is left in it",
    rounds: [
      async (played) => {
        await begin(played);
        for (const look of ["e", "f", "g"]) await append(played.source, "Team", look);
      },
      async (played) => {
        for (const look of ["a", "b", "c", "d", "e"]) await move(played, look, "Team", "Other");
        await played.source.rename("Team", "Crew");
      },
      async ({ source }) => append(source, "Crew", "h"),
    ],
  },
  {
    title: "a rename is remembered when nothing else changed",
    rounds: [
      begin,
      async ({ source }) => source.rename("Team", "Crew"),
      async (played) => {
        for (const look of ["a", "b", "c", "d"]) await move(played, look, "Crew", "Other");
        await append(played.source, "Crew", "e");
      },
    ],
  },
  {
    title:
      "what leaves a folder that the user deleted is neither copied again nor taken out of the deleted items",
    rounds: [
      begin,
      async (played) => {
        await deleteInTarget(played, "Team");
        await move(played, "a", "Team", "Other");
        await append(played.source, "Team", "new");
      },
      async (played) => {
        await move(played, "b", "Team", "Other");
        await move(played, "new", "Team", "Other");
      },
    ],
  },
  {
    title: "the same where the source folder is removed at once",
    propagateDeletes: true,
    rounds: [
      begin,
      async (played) => {
        await deleteInTarget(played, "Team");
        await move(played, "a", "Team", "Other");
        await played.source.remove("Team");
      },
      async ({ source }) => {
        await source.create("Team");
        await append(source, "Team", "new");
      },
    ],
  },
  {
    title:
      "a message moved into a folder that the user deleted leaves its copy where it is, and takes it further",
    rounds: [
      begin,
      async (played) => {
        await deleteInTarget(played, "Team");
        await move(played, "o", "Other", "Team");
      },
      async (played) => {
        const message = messageIn(played, "Team", "o");
        await played.source.setFlags("Team", message, ["\\Seen", "\\Flagged"]);
      },
      async (played) => move(played, "o", "Team", "INBOX"),
    ],
  },
  {
    title:
      "a renamed folder that the user deleted is not copied again, nor mixed up with a new one of its old name",
    rounds: [
      begin,
      async ({ source }) => {
        await source.create("Team/Alpha");
        await append(source, "Team/Alpha", "alpha");
      },
      async (played) => {
        await deleteInTarget(played, "Team");
        await played.source.rename("Team", "Crew");
        await played.source.create("Team");
        await append(played.source, "Team", "new");
        await append(played.source, "Crew", "not copied");
      },
    ],
  },
  {
    title: "an older message that stands for a copied one has its flags brought to the copy",
    rounds: [
      begin,
      async (played) => {
        await deleteInTarget(played, "Team");
        await append(played.source, "Team", "twin");
        await append(played.source, "Other", "twin");
      },
      async (played) => {
        const twin = messageIn(played, "Other", "twin");
        await played.source.setFlags("Other", twin, ["\\Seen", "\\Flagged"]);
      },
      async (played) => {
        await played.source.expunge("Other", messageIn(played, "Other", "twin"));
        await append(played.source, "Team", "new");
      },
    ],
  },
  {
    title: "twins that change places",
    rounds: [
      async (played) => {
        await begin(played);
        for (const path of ["Team", "Team", "Other"]) await append(played.source, path, "twin");
      },
      async (played) => {
        await move(played, "twin", "Team", "Other");
        await move(played, "twin", "Team", "INBOX");
        await move(played, "twin", "Other", "Team");
        await played.source.copy("Team", messageIn(played, "Team", "twin"), "Team");
      },
    ],
  },
  {
    title:
      "a message that moves in the middle of a round, to a folder the round has visited, is not copied again",
    rounds: [
      async (played) => {
        await begin(played);
        await played.source.create("Middle");
      },
      async ({ source }) => {
        await append(source, "INBOX", "first");
        for (let n = 0; n < 150; n++) await append(source, "Middle", `many${n}`);
        await append(source, "Team", "last");
      },
      async () => undefined,
    ],
    during: async (played) => move(played, "a", "Team", "INBOX"),
  },
  {
    title: "a folder removed with many messages waits for a confirmation, and then is really cleared",
    propagateDeletes: true,
    confirmations: 1,
    rounds: [
      async (played) => {
        await begin(played);
        for (let n = 0; n < 120; n++) await append(played.source, "Other", `many${n}`);
      },
      async (played) => {
        await move(played, "o", "Other", "Team");
        await played.source.remove("Other");
      },
      async ({ source }) => append(source, "Team", "later"),
    ],
  },
];

describe.each<TargetKind>(["imap", "graph"])("edits that went wrong once, target %s", (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await startStage(kind, cases.length);
  });

  afterAll(async () => {
    await stage?.stop();
  });

  it.each(cases.map((one) => [one.title, one] as const))("%s", async (_title, one) => {
    const { propagateDeletes = false, confirmations = 0, rounds, during } = one;
    const outcome = await stage.perform({ propagateDeletes, rounds, ...(during ? { during } : {}) });
    expect(outcome.differences, outcome.journal.join("\n")).toEqual([]);
    expect(outcome).toMatchObject({ rounds: rounds.length, confirmations });
  });
});
