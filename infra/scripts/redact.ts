/** What must not leave the house with a diagnosis, and what stands in its place. */
const replacements: readonly (readonly [RegExp, string])[] = [
  [/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, "<token>"],
  [/([?&](?:code|sig|key|token)=)[^\s&"'<>]+/gi, "$1<hidden>"],
  [
    /\b((?:Shared)?AccessKey|AccountKey|SharedAccessSignature|InstrumentationKey|client_secret|password|pwd|secret|token)(["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s"'&;,<>]+)/gi,
    "$1$2<hidden>",
  ],
  [/\bBearer\s+[\w.~+/-]+=*/gi, "Bearer <hidden>"],
  [/[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu, "<address>"],
  // Keys of Azure are base64 with its padding.
  [/[A-Za-z0-9+/]{40,}={1,2}/g, "<hidden>"],
];

/** The text without tokens, keys, secrets in assignments and addresses of people. */
export function redact(text: string): string {
  return replacements.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), text);
}
