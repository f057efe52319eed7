import { describe, expect, it } from "vitest";
import type { BatchName, EndpointName } from "../../../../shared/domain/names.ts";
import type { MailboxStatus } from "../../../../shared/domain/states.ts";
import { mended, newMailbox } from "../../../../shared/migration/mailbox/life.ts";
import { loginOf, mailboxIdOf } from "../../../../shared/migration/upload/mailbox-of-row.ts";
import { kindOfUpload, parseUploadName } from "../../../../shared/migration/upload/upload-name.ts";

const batch = "spring" as BatchName;
const place = { batch, endpoint: "contoso" as EndpointName };
const server = { host: "imap.contoso.com", port: 993 };
const user = { line: 2, emailAddress: "Anna@contoso.com", userName: "anna", password: "secret" };
const mailbox = newMailbox(
  mailboxIdOf(batch, user.emailAddress),
  place,
  loginOf(user, "sealed-1", server),
  1_000,
);

describe("a mailbox's id", () => {
  it("is the same for one address in one batch, and different otherwise", () => {
    expect(mailboxIdOf(batch, "ANNA@contoso.COM")).toBe(mailbox.id);
    expect(mailbox.id).toMatch(/^[0-9a-f]{32}$/);
    expect(mailboxIdOf("summer" as BatchName, user.emailAddress)).not.toBe(mailbox.id);
    expect(mailboxIdOf(batch, "bob@contoso.com")).not.toBe(mailbox.id);
  });
});

describe("a row uploaded again", () => {
  const statuses: MailboxStatus[] = [
    "Created",
    "Queued",
    "Syncing",
    "IncrementalSyncing",
    "Synced",
    "Stopped",
    "Completed",
  ];

  it.each(statuses)("changes nothing of a %s mailbox if it is the same", (status) => {
    expect(mended({ ...mailbox, status }, loginOf(user, "sealed-1", server))).toBeUndefined();
  });

  it.each(statuses)("gives a %s mailbox its new credentials and leaves it where it is", (status) => {
    const busy = { ...mailbox, status, round: 4, attempts: 2, notBefore: 9 };
    expect(mended(busy, loginOf({ ...user, userName: "a2", userRoot: "/a" }, "sealed-2", server))).toEqual({
      ...busy,
      userName: "a2",
      userRoot: "/a",
      sealedPassword: "sealed-2",
    });
  });

  it("takes a user root away", () => {
    expect(
      mended({ ...mailbox, userRoot: "/a" }, loginOf(user, "sealed-1", server))?.userRoot,
    ).toBeUndefined();
  });

  it.each([undefined, "sealed-2"])("starts a failed mailbox anew (password %s)", (sealed) => {
    const failed = {
      ...mailbox,
      status: "Failed",
      round: 3,
      attempts: 5,
      notBefore: 9,
      error: { code: "LoginFailed", message: "The password was refused.", at: 5 },
      syncedItemCount: 12,
    } as const;
    expect(mended(failed, loginOf(user, sealed ?? "sealed-1", server))).toEqual({
      ...failed,
      status: "Created",
      round: 4,
      attempts: 0,
      notBefore: undefined,
      error: undefined,
      sealedPassword: sealed ?? "sealed-1",
    });
  });
});

describe("a row whose login was tested", () => {
  const passed = { ...mailbox, status: "Queued", round: 3, loginTest: "passed" } as const;

  it("keeps its place if it is the same", () => {
    expect(mended(passed, loginOf(user, "sealed-1", server))).toBeUndefined();
  });

  it.each([
    ["Queued", "Created"],
    ["Stopped", "Stopped"],
  ] as const)("is tested anew with other credentials (%s)", (status, next) => {
    expect(mended({ ...passed, status }, loginOf(user, "sealed-2", server))).toEqual({
      ...passed,
      status: next,
      round: 4,
      loginTest: undefined,
      sealedPassword: "sealed-2",
    });
  });

  it("is not disturbed once it is copied", () => {
    const copied = { ...mailbox, status: "Syncing", loginTest: "released", startedAt: 5 } as const;
    expect(mended(copied, loginOf(user, "sealed-2", server))).toEqual({
      ...copied,
      sealedPassword: "sealed-2",
    });
  });
});

describe("the name of an uploaded file", () => {
  it("says endpoint and batch", () => {
    expect(parseUploadName("Contoso/Spring_2026.CSV")).toEqual({
      endpoint: "contoso",
      batch: "spring_2026",
      displayName: "Spring_2026",
    });
  });

  it.each([
    "spring.csv",
    "contoso/north/spring.csv",
    "contoso/Spring 2026.csv",
    "con toso/spring.csv",
    "contoso/.csv",
    "contoso/-x.csv",
    `contoso/${"x".repeat(65)}.csv`,
  ])("is refused for %s", (name) => {
    expect(parseUploadName(name)).toMatchObject({ issues: [{ line: 0, code: "FileNameInvalid" }] });
  });

  it.each([
    ["contoso/pilot.csv", 10, "csv"],
    ["PILOT.CSV", 0, "csv"],
    ["contoso/pilot.json", 10, "options"],
    ["list.txt", 10, "other"],
    ["contoso/list.xlsx", 10, "other"],
    ["contoso/pilot.csv.txt", 0, "other"],
    ["pilot", 10, "other"],
    ["contoso", 0, "nothing"],
    ["v1.2/contoso", 0, "nothing"],
  ])("tells what the file is: %s of %d bytes", (name, size, kind) => {
    expect(kindOfUpload(name, size)).toBe(kind);
  });
});
