import { expect, it } from "vitest";
import type { MailboxSummary } from "../../../../shared/migration/ports/registry.ts";
import { selectMailboxes } from "../../../../shared/migration/status/mailbox-query.ts";

const mailboxes = ["a", "b", "c", "d", "e"].map(
  (id) =>
    ({ id, emailAddress: `${id}@contoso.com`, userName: id, status: "Synced" }) as unknown as MailboxSummary,
);
const ids = (query: Parameters<typeof selectMailboxes>[1]) => {
  const { page, count, continuation } = selectMailboxes(mailboxes, query);
  return { page: page.map(({ id }) => id).join(""), count, continuation };
};

it("passes over as many as it is told to, and goes on behind them", () => {
  expect(ids({ top: 2, skip: 2 })).toEqual({ page: "cd", count: 5, continuation: "d" });
  expect(ids({ top: 2, continuation: "d" })).toEqual({ page: "e", count: 5, continuation: undefined });
  expect(ids({ top: 2, skip: 9 })).toEqual({ page: "", count: 5, continuation: undefined });
  expect(ids({ top: 1, skip: 1, orderBy: { field: "emailAddress", descending: true } }).page).toBe("d");
});

it("finds by any part of the address or the user name, in any case, and keeps each order apart", () => {
  const named = [
    { id: "1", emailAddress: "Zoe@Contoso.com", userName: "DOMAIN\\zoe" },
    { id: "2", emailAddress: "abe@contoso.com", userName: "abe" },
    { id: "3", emailAddress: "mia@fabrikam.com", userName: "x-abe" },
  ] as unknown as readonly MailboxSummary[];
  const found = (query: Omit<Parameters<typeof selectMailboxes>[1], "top">) =>
    selectMailboxes(named, { top: 9, ...query })
      .page.map(({ id }) => id)
      .join("");
  const byAddress = { field: "emailAddress", descending: false } as const;
  expect(found({ search: "domain\\Z" })).toBe("1");
  expect(found({ search: "ABE" })).toBe("23");
  expect(found({ search: "ABE", orderBy: { ...byAddress, descending: true } })).toBe("32");
  expect(found({ orderBy: byAddress })).toBe("123");
  expect(found({})).toBe("123");
  expect(found({ search: "com\nabe" })).toBe("");
});
