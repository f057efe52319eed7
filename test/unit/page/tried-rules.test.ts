import { expect, it } from "vitest";
import { emptyOptions, type OptionsDraft } from "../../../functions/page/options/options.ts";
import { tryRules } from "../../../functions/page/options/tried-rules.ts";
import { mapFolders } from "../../../shared/migration/sync/folder-mapping.ts";

const folder = (path: string, change = {}) => ({
  segments: path.split("/"),
  specialUse: null,
  subscribed: true,
  onRequest: false,
  messages: 1,
  ...change,
});
const folders = [
  folder("INBOX", { specialUse: "inbox" }),
  folder("Sent", { specialUse: "sent" }),
  folder("Gesendet", { specialUse: "sent", subscribed: false }),
  folder("Spam", { specialUse: "junk", messages: null }),
  folder("Clients/2024"),
  folder("Clients"),
  folder("Calendar", { onRequest: true }),
];
const tried = (change: Partial<OptionsDraft>) => tryRules(folders, { ...emptyOptions, ...change });
const told = (change: Partial<OptionsDraft>) =>
  Object.fromEntries(tried(change).folders.map(({ path, becomes, leftOut }) => [path, becomes ?? leftOut]));

it("tells where each folder goes, and what leaves it out", () => {
  expect(told({ excludeFolders: "#JunkEmail#", renameFolders: "Clients = Kunden" })).toEqual({
    INBOX: "Inbox",
    Sent: "Sent Items",
    Gesendet: "Gesendet",
    Spam: "by your rule",
    Clients: "Kunden",
    "Clients/2024": "Kunden/2024",
    Calendar: expect.stringContaining("no mail"),
  });
  expect(told({ includeFolders: "Calendar\nClients/*", targetRootFolder: "Old" })).toMatchObject({
    Calendar: "Old/Calendar",
    "Clients/2024": "Old/Clients/2024",
    INBOX: "not among those to copy",
  });
  expect(told({ subscribedOnly: true }).Gesendet).toBe("not subscribed");
});

it("names rules that fit nothing, and bears a line that is still being typed", () => {
  const {
    idle,
    leftOutCount,
    folders: shown,
  } = tried({
    excludeFolders: "Spma/*\nSpam",
    renameFolders: "Clients =\nNowhere = Somewhere",
  });
  expect(idle).toEqual(["Spma/*", "Nowhere"]);
  expect(leftOutCount).toBe(2);
  expect(shown.slice(0, 2).map(({ path }) => path)).toEqual(["Spam", "Calendar"]);
});

it("says the same as the copy does", () => {
  const options = {
    excludeFolders: ["Spam"],
    includeFolders: [],
    renameFolders: { Clients: "Kunden" },
    subscribedOnly: false,
    targetRootFolder: "Old",
  };
  const source = folders.map(({ segments, specialUse, ...rest }) => ({
    ...rest,
    segments,
    path: segments.join("/"),
    specialUse: (specialUse ?? undefined) as "inbox" | undefined,
    selectable: true,
  }));
  const mapped = mapFolders(source, options, { sanitize: (name) => name, caseSensitive: false });
  const { folders: shown } = tried({
    excludeFolders: "Spam",
    renameFolders: "Clients = Kunden",
    targetRootFolder: "Old",
  });
  expect(new Map(shown.flatMap(({ path, becomes }) => (becomes ? [[path, becomes]] : [])))).toEqual(
    new Map(mapped.map(({ source: { path }, segments }) => [path, segments.join("/")])),
  );
});
