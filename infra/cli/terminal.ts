import type { Screen } from "./answers.ts";

/** Where a command shows what it has to say. */
export interface Terminal extends Screen {
  readonly height: number;
  /** True if somebody looks at it: then lines may be written over. */
  readonly live: boolean;
  write(text: string): void;
  /** Lines, or anything else as JSON. */
  show(content: readonly string[] | object): void;
}

const usualWidth = 80;
const usualHeight = 24;

/** The terminal of a process. */
export function terminalOf(
  stream: NodeJS.WriteStream,
  environment: NodeJS.ProcessEnv = process.env,
): Terminal {
  const live = stream.isTTY === true;
  return {
    get width() {
      return live ? stream.columns : usualWidth;
    },
    get height() {
      return live ? stream.rows : usualHeight;
    },
    get now() {
      return Date.now();
    },
    live,
    colour: live && !environment.NO_COLOR,
    write: (text) => void stream.write(text),
    show(content) {
      stream.write(`${textOf(content)}\n`);
    },
  };
}

/** What `show` writes. Pure. */
export function textOf(content: readonly string[] | object): string {
  // An empty list is an answer of the API: lines always say something.
  const isLines =
    Array.isArray(content) && content.length > 0 && content.every((line) => typeof line === "string");
  return isLines ? content.join("\n") : JSON.stringify(content, undefined, 2);
}
