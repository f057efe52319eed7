import type { TargetFolderId } from "../../domain/names.ts";
import type { TargetMailbox } from "../ports/target.ts";

/**
 * Marks of target folders, by which writes in doubt are looked for. One from before a chunk's first write is as good as one
 * from right before it, so that the next folder's can be asked for while this one's last messages are written.
 */
export class TargetMarks {
  readonly #target: Pick<TargetMailbox, "markFolder">;
  #ahead: { readonly folder: TargetFolderId; readonly mark: Promise<string> } | undefined;

  constructor(target: Pick<TargetMailbox, "markFolder">) {
    this.#target = target;
  }

  /** Asks for the mark of the folder that is written next. */
  lookAhead(folder: TargetFolderId): void {
    this.#ahead = { folder, mark: this.#ask(folder) };
  }

  /** A mark from now, or, once, that which was asked for ahead. @throws MigrationError as the target's `markFolder`. */
  of(folder: TargetFolderId): Promise<string> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    return ahead?.folder === folder ? ahead.mark : this.#ask(folder);
  }

  #ask(folder: TargetFolderId): Promise<string> {
    const mark = this.#target.markFolder(folder);
    // Observed here too, should nobody need it.
    mark.catch(() => undefined);
    return mark;
  }
}
