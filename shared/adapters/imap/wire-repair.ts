import { isAscii, isUtf8 } from "node:buffer";
import type { Transform } from "node:stream";

/** A response as imapflow's stream hands it on; literals are apart. */
interface Response {
  payload: Buffer;
}

const FETCH = /^\* \d{1,10} FETCH \(/i;
/** The flags of a FETCH response, up to the bracket that another item or the end of the response follows. */
const FLAGS = /\bFLAGS \(([^\r\n]*?)\)(?=\)$| [A-Z][A-Z0-9.-]*[ [])/;
/** What no flag may hold (RFC 9051, section 9: flag-keyword), and the library takes for the end of the response's sense. */
const ODD = /[(){}"%*\\]/g;

/**
 * Puts responses right before they are taken apart, where the library would give up the whole response, or lose bytes.
 * @param streamer imapflow's own, which hands on one response at a time.
 */
export function repairResponses(streamer: Transform): void {
  const push = streamer.push.bind(streamer);
  streamer.push = (response: Response | null) => {
    if (response !== null) response.payload = repaired(response.payload);
    return push(response);
  };
}

/**
 * A response with characters in its flags that no flag may have replaced by `_`, and with each byte outside US-ASCII as
 * the character of that number: the library reads UTF-8, and a name that is none could not be sent back as it came. Pure.
 */
export function repaired(payload: Buffer): Buffer {
  const isPlain = isAscii(payload);
  if (isPlain && !FETCH.test(payload.toString("latin1", 0, 24))) return payload;
  const text = payload.toString("latin1");
  const fixed = FETCH.test(text)
    ? text.replace(FLAGS, (_, flags: string) => `FLAGS (${flags.split(" ").map(plainFlag).join(" ")})`)
    : text;
  return isPlain && fixed === text ? payload : Buffer.from(fixed, "utf8");
}

/** Text whose characters are bytes, as a person reads it: UTF-8, or else the usual 8-bit characters of the West. Pure. */
export function readableText(bytes: string): string {
  const buffer = Buffer.from(bytes, "latin1");
  if (isAscii(buffer)) return bytes;
  return isUtf8(buffer) ? buffer.toString("utf8") : new TextDecoder("windows-1252").decode(buffer);
}

function plainFlag(flag: string): string {
  const start = flag.startsWith("\\") ? "\\" : "";
  return start + flag.slice(start.length).replace(ODD, "_");
}
