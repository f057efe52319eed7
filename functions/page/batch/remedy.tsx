import table from "../../../infra/docs/error-codes.md?raw";
import { piecesOf, remediesIn } from "./remedies.ts";

export const remedies = remediesIn(table);

/** What to do about an error code, as the documentation has it. */
export function Remedy({ code }: { code: string }) {
  const remedy = remedies.get(code);
  if (remedy === undefined) return null;
  return piecesOf(remedy).map(({ text, isCode }) =>
    isCode ? <code key={text}>{text}</code> : <span key={text}>{text}</span>,
  );
}
