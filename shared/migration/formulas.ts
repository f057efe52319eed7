/** Where a cell begins: at the beginning of the text, and where a program of another locale splits what is quoted here. */
const cellStart = String.raw`^|(?<=[;\t\n\v\f\r\u0085\u2028\u2029])`;
/** What programs pass over before a formula: spaces, characters without a shape, and quotes. */
const passedOver = String.raw`(?:[^\S\t\n\v\f\r\u2028\u2029]|(?![\t\n\v\f\r\u0085])[\p{Cc}\p{Cf}]|")*`;
/** What begins a formula: `=`, `+`, `-` and `@` in their ordinary, wide, small, raised and lowered forms, and the minus sign. */
const sign = String.raw`[=+\-@\u2212\uFF1D\uFF0B\uFF0D\uFF20\uFE66\uFE62\uFE63\uFE6B\u207A-\u207C\u208A-\u208C]`;
const formula = new RegExp(String.raw`(?:${cellStart})(?=${passedOver}${sign})|^(?=[\t\r])`, "gu");

/**
 * The text with an apostrophe before everything that a spreadsheet program would take for a formula, whatever delimiter
 * it splits the line at. Linear in the text. Pure.
 * @see https://owasp.org/www-community/attacks/CSV_Injection
 */
export function withoutFormulas(text: string): string {
  return text.replace(formula, "'");
}
