/** Folders whose role matters more than their name (RFC 6154, and the inbox). */
export type SpecialUse = "inbox" | "sent" | "drafts" | "trash" | "junk" | "archive";
