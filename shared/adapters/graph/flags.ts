import { type ExtendedProperty, propertyIds, propertyValue } from "./properties.ts";

/** What Graph shows of a message's state. */
export interface MessageState {
  readonly isRead?: boolean;
  readonly isDraft?: boolean;
  readonly flag?: { readonly flagStatus?: string };
  readonly categories?: readonly string[];
  readonly singleValueExtendedProperties?: readonly ExtendedProperty[];
}

/** The part of a message that carries its state, for create and update. */
export interface StatePatch {
  readonly isRead?: boolean;
  readonly flag?: { readonly flagStatus: "flagged" | "notFlagged" };
  readonly categories?: readonly string[];
  readonly singleValueExtendedProperties?: readonly ExtendedProperty[];
}

/** PidTagLastVerbExecuted and the icon Outlook shows with it (MS-OXOMSG, 2.2.1.37 and 2.2.1.10). */
const verbs = {
  "\\Answered": { verb: 102, icon: 261 },
  $Forwarded: { verb: 104, icon: 262 },
} as const;
/** Flags of which a message holds one at most, as its last action. */
export const lastActions: ReadonlySet<string> = new Set(Object.keys(verbs));
const replyAllVerb = 103;
const noVerb = { verb: 0, icon: 256 } as const;

const systemFlags = new Map(
  ["\\Seen", "\\Flagged", "\\Answered", "\\Draft"].map((flag) => [flag.toLowerCase(), flag]),
);

/** Thunderbird's labels, under the names its users know them by. */
const labelCategories = new Map([
  ["$label1", "Important"],
  ["$label2", "Work"],
  ["$label3", "Personal"],
  ["$label4", "To Do"],
  ["$label5", "Later"],
]);
const labelOfCategory = new Map(
  [...labelCategories].map(([label, category]) => [category.toLowerCase(), label]),
);

/**
 * Keywords that tell a mail program something and a user nothing. Junk verdicts are expressed by the folder, and receipts are
 * never sent again, so nothing is lost with them.
 * @see https://www.iana.org/assignments/imap-jmap-keywords
 */
const droppedKeywords = new Set(
  [
    "$MDNSent $Junk $NotJunk Junk NonJunk NotJunk JunkRecorded $Phishing $SubmitPending $Submitted $HasAttachment",
    "$HasNoAttachment $HasNote $HasMemo $AutoSent $CanUnsubscribe $Unsubscribed $Followed $Muted $Notify $New $IsTrusted",
    "$IsMailingList $IsNotification $MaskedEmail $MailFlagBit0 $MailFlagBit1 $MailFlagBit2 $Important $Imported $Memo",
    "$X-ME-Annot-1 $X-ME-Annot-2 $ATTACHMENT $HasTD $HasNoTD DTLabel0 Old Redirected $Recent $Sent $Encrypted $Signed $Invitation",
  ]
    .join(" ")
    .toLowerCase()
    .split(" "),
);

const maxCategoryLength = 255;

/**
 * Flags and keywords in the form a message in Exchange can hold: canonical spelling, one of \Answered and $Forwarded (the last
 * action is a single value there), keywords as they will be read back from categories.
 */
export function representableFlags(flags: readonly string[]): readonly string[] {
  const kept = new Map<string, string>();
  const lower = new Set(flags.map((flag) => flag.toLowerCase()));
  for (const flag of flags) {
    const key = flag.toLowerCase();
    const system = systemFlags.get(key);
    if (system !== undefined) kept.set(key, system);
    else if (key === "$forwarded") {
      if (!lower.has("\\answered")) kept.set(key, "$Forwarded");
    } else if (!flag.startsWith("\\") && !droppedKeywords.has(key)) {
      const category = categoryOf(flag);
      if (category === "") continue;
      const keyword = keywordOf(category);
      if (!kept.has(keyword.toLowerCase())) kept.set(keyword.toLowerCase(), keyword);
    }
  }
  return [...kept.values()].toSorted();
}

/** Outlook separates categories by commas and semicolons, so neither can be part of one. */
function categoryOf(keyword: string): string {
  return (
    labelCategories.get(keyword.toLowerCase()) ??
    keyword
      .replace(/[,;\p{Cc}]/gu, "_")
      .trim()
      .slice(0, maxCategoryLength)
  );
}

function keywordOf(category: string): string {
  return labelOfCategory.get(category.toLowerCase()) ?? category;
}

function isKeyword(flag: string): boolean {
  return !flag.startsWith("\\") && flag !== "$Forwarded";
}

function categoriesOf(representable: readonly string[]): readonly string[] {
  return representable.filter(isKeyword).map(categoryOf);
}

/** The state of a new message. Draft or not is decided by the message flags property, which only a create can set. */
export function stateOfNew(flags: readonly string[]): StatePatch {
  const held = representableFlags(flags);
  const categories = categoriesOf(held);
  const action = held.includes("\\Answered")
    ? verbs["\\Answered"]
    : held.includes("$Forwarded")
      ? verbs.$Forwarded
      : undefined;
  return {
    isRead: held.includes("\\Seen"),
    ...(held.includes("\\Flagged") ? { flag: { flagStatus: "flagged" } } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    singleValueExtendedProperties: [
      {
        id: propertyIds.messageFlags,
        value: String((held.includes("\\Seen") ? 1 : 0) + (held.includes("\\Draft") ? 8 : 0)),
      },
      ...(action === undefined ? [] : verbProperties(action)),
    ],
  };
}

function verbProperties(action: {
  readonly verb: number;
  readonly icon: number;
}): readonly ExtendedProperty[] {
  return [
    { id: propertyIds.lastVerb, value: String(action.verb) },
    { id: propertyIds.iconIndex, value: String(action.icon) },
  ];
}

/** Properties to ask for, next to {@link stateFields}, for {@link flagsOf}. */
export const stateProperties = [propertyIds.lastVerb] as const;
export const stateFields = "isRead,isDraft,flag,categories";

/** The flags a message has now, in representable form. */
export function flagsOf(state: MessageState): readonly string[] {
  const verb = Number(propertyValue(state.singleValueExtendedProperties, propertyIds.lastVerb));
  const keywords = (state.categories ?? []).map(keywordOf);
  return [
    ...(state.isRead === true ? ["\\Seen"] : []),
    ...(state.isDraft === true ? ["\\Draft"] : []),
    ...(state.flag?.flagStatus === "flagged" ? ["\\Flagged"] : []),
    ...(verb === verbs["\\Answered"].verb || verb === replyAllVerb ? ["\\Answered"] : []),
    ...(verb === verbs.$Forwarded.verb ? ["$Forwarded"] : []),
    ...new Set(keywords),
  ].toSorted();
}

/** What is to be changed on a message; a part is undefined if nothing of it is. */
export interface StateChange {
  readonly plain?: Omit<StatePatch, "singleValueExtendedProperties">;
  /** Answered or forwarded, as properties. */
  readonly lastAction?: readonly ExtendedProperty[];
}

/**
 * The updates that set and clear flags on a message in a given state; other flags stay.
 * \Draft is left out: Exchange does not turn a draft into a message or back.
 */
export function stateChange(
  state: MessageState,
  change: { readonly add: readonly string[]; readonly remove: readonly string[] },
): StateChange {
  const before = flagsOf(state);
  const remove = new Set(representableOneByOne(change.remove).map((flag) => flag.toLowerCase()));
  const kept = before.filter((flag) => !remove.has(flag.toLowerCase()));
  const after = representableFlags([...kept, ...change.add]);
  const has = (flag: string) => after.includes(flag);
  const changed = (...flags: readonly string[]) => flags.some((flag) => before.includes(flag) !== has(flag));
  const keywordsBefore = before.filter(isKeyword);
  const keywordsAfter = after.filter(isKeyword);
  const sameKeywords = keywordsBefore.length === keywordsAfter.length && keywordsBefore.every(has);
  const action = has("\\Answered") ? verbs["\\Answered"] : has("$Forwarded") ? verbs.$Forwarded : noVerb;
  const plain = {
    ...(changed("\\Seen") ? { isRead: has("\\Seen") } : {}),
    ...(changed("\\Flagged")
      ? { flag: { flagStatus: has("\\Flagged") ? "flagged" : "notFlagged" } as const }
      : {}),
    ...(sameKeywords ? {} : { categories: categoriesOf(after) }),
  };
  return {
    ...(Object.keys(plain).length === 0 ? {} : { plain }),
    ...(changed(...lastActions) ? { lastAction: verbProperties(action) } : {}),
  };
}

/** Removing both \Answered and $Forwarded means both, although a message holds one at most. */
function representableOneByOne(flags: readonly string[]): readonly string[] {
  return flags.flatMap((flag) => representableFlags([flag]));
}
