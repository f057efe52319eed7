/** A folder name in modified UTF-7 (RFC 3501, 5.1.3). */
export function encodeName(name: string): string {
  return name.replace(/&|[^\x20-\x7e]+/g, (run) => {
    if (run === "&") return "&-";
    const bytes = Buffer.from(run, "utf16le").swap16();
    return `&${bytes.toString("base64").replace(/=+$/, "").replaceAll("/", ",")}-`;
  });
}

export function decodeName(name: string): string {
  return name.replace(/&([^-]*)-/g, (_, coded: string) => {
    if (coded === "") return "&";
    const bytes = Buffer.from(coded.replaceAll(",", "/"), "base64");
    return bytes
      .subarray(0, bytes.length & ~1)
      .swap16()
      .toString("utf16le");
  });
}

/** Whether LIST finds a name by a pattern: `*` passes the separator, `%` does not (RFC 9051, 6.3.9). */
export function matchesPattern(name: string, pattern: string, separator: string): boolean {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  const level = separator === "" ? "." : `[^\\${separator}]`;
  const expression = escaped.replaceAll("*", "[\\s\\S]*").replaceAll("%", `${level}*`);
  return new RegExp(`^${expression}$`, "i").test(name);
}

export function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}
