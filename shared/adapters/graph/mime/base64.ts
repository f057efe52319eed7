const padding = 0x3d;

/** Six bits of each character of the alphabet (RFC 2045, 6.8); -1 for every other byte. */
const bitsOf = new Int8Array(256).fill(-1);
for (const [bits, char] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries())
  bitsOf[char.charCodeAt(0)] = bits;

/**
 * Decodes in one pass whatever it is given: characters outside the alphabet are ignored, and padding ends a quantum, not the
 * data, since some senders encode in pieces, each with its own padding.
 */
export async function* decodeBase64(encoded: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let quantum = 0;
  let characters = 0;
  for await (const chunk of encoded) {
    const out = Buffer.allocUnsafe(Math.ceil(((chunk.length + 3) * 3) / 4) + 3);
    let length = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      const bits = bitsOf[byte] as number;
      if (bits >= 0) {
        quantum = (quantum << 6) | bits;
        if (++characters < 4) continue;
        out[length] = quantum >> 16;
        out[length + 1] = quantum >> 8;
        out[length + 2] = quantum;
        length += 3;
      } else if (byte === padding) length = endQuantum(quantum, characters, out, length);
      else continue;
      quantum = 0;
      characters = 0;
    }
    yield out.subarray(0, length);
  }
  const rest = Buffer.alloc(3);
  yield rest.subarray(0, endQuantum(quantum, characters, rest, 0));
}

/** Two characters make a byte, three make two; one makes none. */
function endQuantum(quantum: number, characters: number, out: Buffer, length: number): number {
  if (characters < 2) return length;
  if (characters === 2) {
    out[length] = quantum >> 4;
    return length + 1;
  }
  out[length] = quantum >> 10;
  out[length + 1] = quantum >> 2;
  return length + 2;
}
