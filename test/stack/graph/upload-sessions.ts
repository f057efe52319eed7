import { randomBytes } from "node:crypto";
import type { ContentWriter } from "./content.ts";
import { GraphError } from "./errors.ts";
import { newRestId } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import type { Mailbox, StoredMessage } from "./mailbox.ts";
import { itemSize, largestAttachment, type StoredAttachment, uploadedAttachment } from "./message-item.ts";
import type { Answer } from "./routing.ts";
import type { SensitiveUpdates } from "./sensitive-updates.ts";
import type { Tenant } from "./tenant.ts";

export interface AttachmentDescription {
  readonly name: string;
  readonly size: number;
  readonly contentType: string | undefined;
  readonly isInline: boolean;
  readonly contentId: string | undefined;
}

interface UploadSession {
  readonly key: string;
  readonly mailbox: Mailbox;
  readonly message: StoredMessage;
  readonly description: AttachmentDescription;
  readonly writer: ContentWriter;
  readonly expiresAt: number;
}

export interface UploadOptions {
  readonly isSupported: boolean;
  readonly lifetimeMs: number;
  /** Bytes of the smallest attachment a session takes. */
  readonly smallest: number;
  readonly updates: SensitiveUpdates;
}

/** A request to the opaque URL of a session. */
export interface UploadCall {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Ranges are multiples of 320 KiB: learn.microsoft.com/graph/api/driveitem-createuploadsession, "Upload bytes". */
const rangeUnit = 320 * 1024;

/**
 * Sessions that receive a large attachment in ranges. The URL carries its own authorization and lies outside the
 * versions of Graph: learn.microsoft.com/graph/outlook-large-attachments.
 */
export class UploadSessions {
  readonly #tenant: Tenant;
  readonly #options: UploadOptions;
  readonly #sessions = new Map<string, UploadSession>();

  constructor(tenant: Tenant, options: UploadOptions) {
    this.#tenant = tenant;
    this.#options = options;
  }

  /**
   * Step 1 of the page. @throws GraphError 400 under 3 MB ("Errors" of the page), 413 over 150 MB, 403 by the rule on
   * sensitive updates.
   */
  create(
    origin: string,
    mailbox: Mailbox,
    message: StoredMessage,
    description: AttachmentDescription,
  ): JsonObject {
    // National clouds: learn.microsoft.com/graph/api/attachment-createuploadsession, the table of deployments.
    if (!this.#options.isSupported)
      throw new GraphError(501, "notSupported", "Upload sessions are not available in this cloud.");
    if (description.size < this.#options.smallest)
      throw new GraphError(
        400,
        "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
        "An upload session is for an attachment of 3 MB at least.",
      );
    if (description.size > largestAttachment)
      throw new GraphError(413, "ErrorAttachmentSizeLimitExceeded", "An attachment has 150 MB at most.");
    this.#options.updates.admitsAttachments(message.item);
    const key = randomBytes(24).toString("base64url");
    const session: UploadSession = {
      key,
      mailbox,
      message,
      description,
      writer: this.#tenant.contents.open(),
      expiresAt: this.#tenant.now() + this.#options.lifetimeMs,
    };
    this.#sessions.set(key, session);
    return {
      uploadUrl: `${origin}${messagePath(session)}/AttachmentSessions('${newRestId()}')?authtoken=${key}`,
      expirationDateTime: new Date(session.expiresAt).toISOString(),
      nextExpectedRanges: ["0-"],
    };
  }

  static isUploadPath(path: string): boolean {
    return path.startsWith("/api/v2.0/");
  }

  /** The mailbox an upload counts for; undefined where the session is unknown. */
  mailboxOf(url: URL): Mailbox | undefined {
    return this.#sessions.get(url.searchParams.get("authtoken") ?? "")?.mailbox;
  }

  /** PUT of a range, GET of the state, DELETE to cancel. @throws GraphError */
  handle(call: UploadCall): Answer {
    if (call.headers.authorization !== undefined)
      throw new GraphError(
        401,
        "InvalidAudienceForResource",
        "The audience claim value is invalid for current resource.",
      );
    const session = this.#sessions.get(call.url.searchParams.get("authtoken") ?? "");
    if (session === undefined || session.expiresAt <= this.#tenant.now()) {
      if (session !== undefined) this.#end(session);
      throw new GraphError(404, "itemNotFound", "The upload session was not found.", {
        innerCode: "uploadSessionNotFound",
      });
    }
    switch (call.method) {
      case "PUT":
        return this.#append(session, call);
      case "GET":
        return { status: 200, json: state(session) };
      case "DELETE":
        this.#end(session);
        return { status: 204 };
      default:
        throw new GraphError(405, "Request_BadRequest", "An upload URL takes PUT, GET and DELETE.");
    }
  }

  #append(session: UploadSession, call: UploadCall): Answer {
    const { size } = session.description;
    const range = /^bytes ([0-9]+)-([0-9]+)\/([0-9]+)$/.exec(call.headers["content-range"] ?? "");
    if (range === null)
      throw new GraphError(
        400,
        "ErrorInvalidArgument",
        "Content-Range must be 'bytes {start}-{end}/{total}'.",
      );
    const [start = 0, end = 0, total = 0] = range.slice(1).map(Number);
    if (total !== size || end - start + 1 !== call.body.length || end >= size)
      throw new GraphError(
        400,
        "invalidRange",
        "The range does not fit the bytes sent and the size announced.",
        {
          innerCode: "fragmentLengthMismatch",
        },
      );
    if (start !== session.writer.size)
      throw new GraphError(416, "invalidRange", "The bytes of a file must be uploaded in order.", {
        innerCode: start < session.writer.size ? "fragmentOverlap" : "fragmentOutOfOrder",
      });
    const last = end === size - 1;
    if (!last && call.body.length % rangeUnit !== 0)
      throw new GraphError(400, "invalidRange", "Every range but the last must be a multiple of 320 KiB.");
    try {
      // The message may have been deleted meanwhile; and its size limit is only met on the way.
      session.mailbox.message(session.message.immutableId);
      const received = end + 1;
      session.mailbox.requireRoom(itemSize(session.message.item) + received, received);
    } catch (error) {
      this.#end(session);
      throw error;
    }
    session.writer.append(call.body);
    if (!last) return { status: 200, json: state(session) };
    const attachment = this.#complete(session);
    return {
      status: 201,
      headers: { Location: `${call.url.origin}${messagePath(session)}/Attachments('${attachment.restId}')` },
    };
  }

  #complete(session: UploadSession): StoredAttachment {
    const now = this.#tenant.now();
    const attachment = uploadedAttachment(session.description, session.writer.finish(), now);
    if (this.#options.updates.admitsAttachments(session.message.item))
      session.mailbox.addAttachment(session.message, attachment, now);
    this.#sessions.delete(session.key);
    return attachment;
  }

  #end(session: UploadSession): void {
    session.writer.discard();
    this.#sessions.delete(session.key);
  }
}

/** Spelling as in "First upload to the message" of the page, where it is not uniform. */
function state(session: UploadSession): JsonObject {
  return {
    ExpirationDateTime: new Date(session.expiresAt).toISOString(),
    nextExpectedRanges: [String(session.writer.size)],
  };
}

function messagePath(session: UploadSession): string {
  return `/api/v2.0/Users('${session.mailbox.user.id}')/Messages('${session.message.restId}')`;
}
