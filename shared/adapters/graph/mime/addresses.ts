import { addressParser } from "postal-mime";
import { storableText, truncateText } from "./charset.ts";
import { decodeEncodedWords } from "./encoded-words.ts";

/** `recipient` of Graph. A name without an address stands for what no server could deliver to. */
export interface Recipient {
  readonly emailAddress: { readonly name?: string; readonly address?: string };
}

export interface AddressList {
  readonly recipients: readonly Recipient[];
  /** Groups are dissolved into their members; their names stay in the original headers only. */
  readonly groups: number;
}

const maxNameLength = 255;
/** RFC 5321, 4.5.3.1: 64 for the local part, 255 for the domain. */
const maxAddressLength = 320;

/**
 * Reads an address list (RFC 5322, 3.4), groups included. Encoded words are decoded only after the list is split, since a
 * decoded name may hold commas and brackets.
 */
export function parseAddresses(values: readonly string[]): AddressList {
  const recipients: Recipient[] = [];
  let groups = 0;
  for (const value of values) {
    const { text, names } = shieldEncodedWords(value);
    for (const entry of addressParser(text)) {
      if (entry.group === undefined) {
        const recipient = recipientOf(unshield(entry.name, names), unshield(entry.address, names));
        if (recipient !== undefined) recipients.push(recipient);
        continue;
      }
      groups++;
      for (const member of entry.group) {
        const recipient = recipientOf(unshield(member.name, names), unshield(member.address, names));
        if (recipient !== undefined) recipients.push(recipient);
      }
    }
  }
  return { recipients, groups };
}

/** Replaces each run of encoded words by a placeholder the list parser leaves alone, so that our charsets decode it. */
function shieldEncodedWords(value: string): { readonly text: string; readonly names: readonly string[] } {
  const names: string[] = [];
  const text = value
    .replaceAll("\ue000", "")
    .replace(/=\?[^?\s]{1,120}\?[BbQq]\?[^?]*\?=(?:\s*=\?[^?\s]{1,120}\?[BbQq]\?[^?]*\?=)*/g, (run) => {
      names.push(decodeEncodedWords(run));
      return `\ue000${names.length - 1}\ue000`;
    });
  return { text, names };
}

function unshield(text: string, names: readonly string[]): string {
  return text.replace(/\ue000(\d+)\ue000/g, (_, index: string) => names[Number(index)] ?? "");
}

const plausibleAddress =
  /^[^\s<>()[\]:;,"\\]+@[^\s<>()[\]:;,"\\@]+$|^"[^"\r\n]+"@[^\s@<>]+$|^[^\s<>"]+@\[[^\s\]]+\]$/;

function recipientOf(rawName: string, rawAddress: string): Recipient | undefined {
  const name = truncateText(storableText(rawName).replace(/\s+/g, " ").trim(), maxNameLength);
  const address = storableText(rawAddress).replace(/\s+/g, "").trim();
  if (address.length <= maxAddressLength && plausibleAddress.test(address))
    return { emailAddress: name === "" ? { address } : { name, address } };
  const label = truncateText(
    [name, address === name ? "" : address].filter((text) => text !== "").join(" "),
    maxNameLength,
  );
  return label === "" ? undefined : { emailAddress: { name: label } };
}
