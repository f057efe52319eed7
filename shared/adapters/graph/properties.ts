/** Marks of our own on what we write; the GUID keeps the names apart from everybody else's. */
const ownGuid = "74f337da-adfe-4b10-ba48-1ad8414b9b05";

/**
 * Ids of the extended properties we use, as Graph spells them.
 * @see https://learn.microsoft.com/graph/api/resources/extended-properties-overview
 * @see https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxprops
 */
export const propertyIds = {
  /** PidTagMessageFlags: 1 = read, 8 = unsent (a draft; it can only be left out at creation). */
  messageFlags: "Integer 0x0E07",
  /** PidTagMessageDeliveryTime. */
  received: "SystemTime 0x0E06",
  /** PidTagClientSubmitTime. */
  sent: "SystemTime 0x0039",
  internetMessageId: "String 0x1035",
  references: "String 0x1039",
  inReplyTo: "String 0x1042",
  /** PidTagTransportMessageHeaders: the header as it was. */
  transportHeaders: "String 0x007D",
  messageClass: "String 0x001A",
  /** PidTagMessageSize: what it takes in the store, which is not what it took on the wire. */
  messageSize: "Integer 0x0E08",
  /** PidTagSensitivity (MS-OXCMSG, 2.2.1.13). */
  sensitivity: "Integer 0x0036",
  /** PidTagLastVerbExecuted (MS-OXOMSG, 2.2.1.37). */
  lastVerb: "Integer 0x1081",
  /** PidTagIconIndex (MS-OXOMSG, 2.2.1.10). */
  iconIndex: "Integer 0x1080",
  /** The Content-Type field of an S/MIME message (MS-OXOSMIME, 2.1.3.2). */
  smimeContentType: "String {00020386-0000-0000-c000-000000000046} Name Content-Type",
  stamp: `String {${ownGuid}} Name ImapToM365Stamp`,
  chunkToken: `String {${ownGuid}} Name ImapToM365Chunk`,
} as const;

export interface ExtendedProperty {
  readonly id: string;
  readonly value: string;
}

/** Graph answers ids in its own form: lower case, tags without leading zeros. */
function canonicalId(id: string): string {
  return id.toLowerCase().replace(/ 0x0*(?=[0-9a-f])/, " 0x");
}

export function propertyValue(
  properties: readonly ExtendedProperty[] | undefined,
  id: string,
): string | undefined {
  const wanted = canonicalId(id);
  return properties?.find((property) => canonicalId(property.id) === wanted)?.value;
}

/** `$expand` for these properties. */
export function expandProperties(...ids: readonly string[]): string {
  return `singleValueExtendedProperties($filter=${ids.map((id) => `id eq '${id}'`).join(" or ")})`;
}

/** `$filter` for items whose property has this value. */
export function whereProperty(id: string, value: string): string {
  return `singleValueExtendedProperties/any(ep: ep/id eq '${id}' and ep/value eq '${value.replaceAll("'", "''")}')`;
}
