import { GraphError } from "./errors.ts";

const guid = "\\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\\}";
const idPattern = new RegExp(
  `^(?<type>[A-Za-z]+) (?:(?<tag>0[xX][0-9A-Fa-f]{1,8})|(?<set>${guid}) (?:Name (?<name>.+)|Id (?<number>0[xX][0-9A-Fa-f]{1,8}|[0-9]+)))$`,
);

interface PropertyType {
  /** Property type code of [MS-OXCDATA] 2.11.1, the low word of a long tag. */
  readonly code: number;
  readonly accepts: (value: string) => boolean;
}

function integerBetween(lowest: bigint, highest: bigint): (value: string) => boolean {
  return (value) => /^[+-]?[0-9]{1,20}$/.test(value) && BigInt(value) >= lowest && BigInt(value) <= highest;
}

const isoInstant =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,7})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const decimal = (value: string) => /^[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(value);
/** PtypTime counts from 1601: [MS-OXCDATA] 2.11.1. */
const firstInstant = Date.parse("1601-01-01T00:00:00Z");
const instant = (value: string) => isoInstant.test(value) && Date.parse(value) >= firstInstant;

const types: Readonly<Record<string, PropertyType>> = {
  Binary: { code: 0x0102, accepts: (value) => base64.test(value) },
  Boolean: { code: 0x000b, accepts: (value) => /^(?:true|false)$/i.test(value) },
  CLSID: { code: 0x0048, accepts: (value) => new RegExp(`^${guid}$`).test(`{${value}}`) },
  Double: { code: 0x0005, accepts: decimal },
  Float: { code: 0x0004, accepts: decimal },
  Integer: { code: 0x0003, accepts: integerBetween(-(2n ** 31n), 2n ** 31n - 1n) },
  Long: { code: 0x0014, accepts: integerBetween(-(2n ** 63n), 2n ** 63n - 1n) },
  Short: { code: 0x0002, accepts: integerBetween(-32768n, 32767n) },
  String: { code: 0x001f, accepts: () => true },
  SystemTime: { code: 0x0040, accepts: instant },
};
/** PtypString8 and PtypString are both "String" here. */
const string8Code = 0x001e;

/** Types of the tags a mail client works with, from [MS-OXPROPS]; the same tag with another type is another property. */
const typeOfTag: ReadonlyMap<number, string> = new Map([
  [0x001a, "String"],
  [0x0039, "SystemTime"],
  [0x007d, "String"],
  [0x0e06, "SystemTime"],
  [0x0e07, "Integer"],
  [0x0e08, "Integer"],
  [0x1035, "String"],
  [0x1039, "String"],
  [0x1042, "String"],
  [0x1046, "String"],
]);

export const messageFlags = "Integer 0xe07";
export const messageSize = "Integer 0xe08";
export const deliveryTime = "SystemTime 0xe06";
export const submitTime = "SystemTime 0x39";
export const internetMessageId = "String 0x1035";
export const inReplyTo = "String 0x1042";
export const references = "String 0x1039";
export const transportHeaders = "String 0x7d";
export const messageClass = "String 0x1a";

function invalid(message: string): GraphError {
  return new GraphError(400, "ErrorInvalidProperty", message);
}

/**
 * Checks the id of a single-value extended property and gives it the form in which Graph returns it: GUID and tag in
 * lower case, the tag without leading zeros, the name untouched since it is case-sensitive.
 * learn.microsoft.com/graph/api/resources/extended-properties-overview, "id formats".
 */
export function canonicalPropertyId(id: string): string {
  const groups = idPattern.exec(id)?.groups;
  if (groups === undefined)
    throw invalid(`The extended property id '${id}' has none of the three valid formats.`);
  const type = groups.type ?? "";
  const properties = types[type];
  if (properties === undefined) throw invalid(`'${type}' is not a type of a single-value extended property.`);
  if (groups.tag === undefined) {
    const set = (groups.set ?? "").toLowerCase();
    if (groups.name !== undefined) return `${type} ${set} Name ${groups.name}`;
    return `${type} ${set} Id 0x${Number(groups.number).toString(16)}`;
  }
  const given = Number(groups.tag);
  const long = groups.tag.length > "0xffff".length;
  const code = given & 0xffff;
  if (long && code !== properties.code && !(type === "String" && code === string8Code))
    throw invalid(`The tag in '${id}' is of another type than '${type}'.`);
  const tag = long ? given >>> 16 : given;
  if (tag === 0 || tag >= 0x8000)
    throw invalid(`'${id}' is outside the range of tags; a named property needs its GUID.`);
  const expected = typeOfTag.get(tag);
  if (expected !== undefined && expected !== type) throw invalid(`The type of '${id}' must be ${expected}.`);
  return `${type} 0x${tag.toString(16)}`;
}

/** @param id in canonical form. @throws GraphError where the text is no value of the id's type. */
export function requireValueOfType(id: string, value: string): void {
  const type = id.slice(0, id.indexOf(" "));
  if (types[type]?.accepts(value) !== true)
    throw new GraphError(
      400,
      "ErrorInvalidArgument",
      `The value of extended property '${id}' is not a ${type}.`,
    );
}
