import { z } from "zod";
import { isAddress } from "../addresses.ts";
import { batchNameSchema, endpointNameSchema, folderIdSchema, mailboxIdSchema } from "../names.ts";
import { mailboxStatusSchema } from "../states.ts";
import { templateKinds } from "../upload-columns.ts";

/*
 * What callers send, as the handlers parse it: names in addresses (`…Params`), queries, and bodies.
 */

export const batchParams = z.object({ batch: batchNameSchema });

/** A mailbox of a batch by its id, or by its address. */
export const mailboxReference = z
  .string()
  .refine(
    (text) => mailboxIdSchema.safeParse(text).success || isAddress(text),
    "expected the id of a mailbox, or its address",
  );
export const mailboxParams = batchParams.extend({ mailboxId: mailboxReference });
export const actionParams = batchParams.extend({
  action: z.enum(["start", "startForReal", "stop", "sync", "retry", "complete"]),
});
/** Some mailboxes of a batch: those that are named, or those that fit; with both those that are named and fit. */
export const someMailboxes = {
  mailboxes: z
    .array(mailboxReference)
    .min(1)
    .max(1_000)
    .optional()
    .meta({ description: "Ids or addresses of the mailboxes that are meant." }),
  filter: z
    .strictObject({ status: mailboxStatusSchema.optional(), errorCode: z.string().min(1).optional() })
    .refine(
      (filter) => Object.values(filter).some((value) => value !== undefined),
      "expected status or errorCode",
    )
    .optional()
    .meta({ description: "Only mailboxes with this status, and with an error of this code." }),
};
/** Which skipped items are approved; all of the batch where nothing is named. */
export const approvalBody = z.strictObject({
  ...someMailboxes,
  codes: z
    .array(z.string().regex(/^\w{1,80}$/, "expected a code of skipped items"))
    .min(1)
    .max(100)
    .optional(),
});
/** Which mailboxes are undone, and how. */
export const undoBody = z.strictObject({
  mailboxes: z
    .array(mailboxReference)
    .min(1)
    .max(1_000)
    .meta({ description: "Ids or addresses of the mailboxes whose copies are taken out of the target." }),
  forGood: z
    .boolean()
    .default(false)
    .meta({ description: "Removes the copies; else they go to the deleted items." }),
});
/** Which mailboxes are as if they had never been copied. */
export const forgetBody = z
  .strictObject({
    ...someMailboxes,
    acceptDoubles: z.boolean().default(false).meta({
      description: "Says that the next start may copy every message beside what is still in the target.",
    }),
  })
  .refine(
    ({ mailboxes, filter }) => mailboxes !== undefined || filter !== undefined,
    "expected mailboxes, or a filter",
  );
export const mailboxActionParams = mailboxParams.extend({
  action: z.enum(["start", "stop", "sync", "retry"]),
});

/** With `mailboxes` or `filter` an action is about some mailboxes only, and the batch itself stays as it is. */
export const actionBody = z.strictObject({
  ...someMailboxes,
  leaveFailed: z
    .boolean()
    .optional()
    .meta({ description: "Of `complete`: mailboxes that failed may be left behind." }),
});
export const folderParams = mailboxParams.extend({
  folderId: folderIdSchema,
  action: z.enum(["recreate", "confirm"]),
});
export const operationParams = batchParams.extend({ operation: z.coerce.number().int().nonnegative() });
export const reportParams = batchParams.extend({
  report: z.string().regex(/^[a-z][a-z-]{0,40}(\.csv)?$/, "expected the name of a report"),
});
export const endpointParams = z.object({ endpoint: endpointNameSchema });
export const uploadParams = z.object({ endpoint: z.string(), file: z.string() });
export const templateParams = z.object({
  template: z
    .string()
    .regex(
      new RegExp(`^(${templateKinds.join("|")})\\.csv$`),
      `expected ${templateKinds.map((kind) => `${kind}.csv`).join(", ")}`,
    ),
});
export const targetTestParams = z.object({ test: z.uuid() });

const yesOrNo = z.enum(["true", "false"]).default("false");
export const deleteQuery = z.object({
  force: yesOrNo.meta({ description: "Whether it is removed in spite of what stands against it." }),
  forget: yesOrNo.meta({
    description: "Whether the records of what was copied go as well: the same rows would be copied anew.",
  }),
});
export const cutoverQuery = z.object({
  refresh: yesOrNo.meta({ description: "Whether DNS is asked now, unless it was half a minute ago." }),
});
export const checkQuery = z.object({
  validateOnly: z.literal("true", "expected validateOnly=true"),
  authentication: z
    .enum(["password", "xoauth2"])
    .optional()
    .meta({ description: "How the endpoint will log in, where there is none of this name yet." }),
});

/** By what a list of mailboxes can be ordered. */
export const mailboxOrders = [
  "emailAddress",
  "status",
  "syncedItemCount",
  "skippedItemCount",
  "bytesTransferred",
  "lastSyncedAt",
] as const;
export type MailboxOrder = (typeof mailboxOrders)[number];

export const mailboxesQuery = z.object({
  status: mailboxStatusSchema.optional(),
  errorCode: z.string().optional(),
  $search: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "Part of the address or of the user name, in any case." }),
  $orderby: z
    .string()
    .regex(
      new RegExp(`^(${mailboxOrders.join("|")})( (asc|desc))?$`),
      `expected one of ${mailboxOrders.join(", ")}, and asc or desc`,
    )
    .transform((text) => {
      const [field, direction] = text.split(" ") as [MailboxOrder, string?];
      return { field, descending: direction === "desc" };
    })
    .optional()
    .meta({ examples: ["bytesTransferred desc"] }),
  $top: z.coerce.number().int().min(1).max(999).default(100).meta({ description: "Mailboxes of a page." }),
  $skip: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(0)
    .meta({ description: "Mailboxes to pass over, as a page that shows the middle of a list does." }),
  $skiptoken: z.string().optional().meta({ description: "From nextLink." }),
});

export const historyQuery = z.object({
  mailbox: mailboxReference
    .optional()
    .meta({ description: "Id or address of a mailbox: what named others only is left out." }),
});

export const skippedQuery = z.object({
  $top: z.coerce.number().int().min(1).max(999).default(100),
  $skiptoken: z.coerce.number().int().nonnegative().default(0).meta({ description: "From nextLink." }),
});

export const discoverQuery = z.object({
  domain: z
    .string("expected the domain of the mail addresses, such as contoso.com")
    .meta({ examples: ["contoso.com"] }),
});

/** A user to log in as, in any form that a row of a migration file may have. */
export const testUserBody = z.strictObject({
  userName: z.string().trim().min(1),
  password: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "Used for this one login only. Needed unless the endpoint has tokens of its own." }),
  userRoot: z.string().trim().min(1).optional(),
});

export const serverBody = z.strictObject({ host: z.string().trim().min(1), port: z.int() });

export const confirmationBody = z.strictObject({
  domain: z.string().min(1).max(253),
  handsMailOn: z.boolean(),
});
