const localPart = /^[^\s@"(),:;<>[\\\]]{1,64}$/u;
/** A label of a domain in any script (RFC 5890); a hyphen is neither its first nor its last character (RFC 1123, 2.1). */
const label = /^(?!-)[\p{L}\p{M}\p{N}-]{1,63}(?<!-)$/u;

/** True for a mail address such as `user@contoso.com`, without a display name or quotes. Pure. */
export function isAddress(text: string): boolean {
  const at = text.lastIndexOf("@");
  const [local, labels] = [text.slice(0, at), text.slice(at + 1).split(".")];
  const dotted = local.startsWith(".") || local.endsWith(".") || local.includes("..");
  return (
    at > 0 &&
    localPart.test(local) &&
    !dotted &&
    labels.length > 1 &&
    labels.every((part) => label.test(part))
  );
}

/**
 * What addresses have in common that lead to one mailbox or look the same: case, Unicode form, wide letters, and letters
 * that have the same capital, such as `ı` and `i`. Pure.
 */
export function addressKey(address: string): string {
  return address.normalize("NFKC").toUpperCase().toLowerCase();
}
