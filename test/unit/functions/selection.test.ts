import { expect, it } from "vitest";
import { selectionOf } from "../../../functions/selection.ts";
import { approvalBody, forgetBody } from "../../../shared/domain/api/requests.ts";
import type { BatchName } from "../../../shared/domain/names.ts";

const batch = "pilot" as BatchName;

it("a body means the mailboxes that it names, those that fit, or all of the batch", () => {
  expect(selectionOf(batch, {})).toBeUndefined();
  expect(selectionOf(batch, { filter: { status: "Synced" } })).toEqual({
    status: "Synced",
    mailboxes: undefined,
  });
  const { mailboxes = [] } = selectionOf(batch, { mailboxes: ["Anna@contoso.com"] }) ?? {};
  expect(mailboxes).toEqual([expect.stringMatching(/^[0-9a-f]+$/)]);
});

it("nobody forgets a whole batch by leaving something out", () => {
  const fits = (body: object) => forgetBody.safeParse({ acceptDoubles: true, ...body }).success;
  expect(fits({})).toBe(false);
  expect(fits({ filter: {} })).toBe(false);
  expect(fits({ filter: { errorCode: "TargetMailboxMissing" } })).toBe(true);
  expect(fits({ mailboxes: ["anna@contoso.com"] })).toBe(true);
  expect(approvalBody.safeParse({ filter: {} }).success).toBe(false);
});
