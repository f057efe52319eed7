import type { MigrationError } from "../../../shared/domain/errors.ts";
import type { OutgoingMail } from "../../../shared/migration/ports/notices.ts";

/** Sends mails in memory. */
export class MemoryMail {
  readonly sent: (OutgoingMail & { readonly at: number })[] = [];
  /** What the next attempts meet instead, in turn; an error `inDoubt` comes after the mail was sent. */
  readonly failures: MigrationError[] = [];

  async send(mail: OutgoingMail): Promise<void> {
    const failure = this.failures.shift();
    if (failure === undefined || failure.inDoubt) this.sent.push({ ...mail, at: Date.now() });
    if (failure !== undefined) throw failure;
  }
}
