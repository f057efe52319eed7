import { app, type InvocationContext } from "@azure/functions";
import { z } from "zod";
import { ingestUpload } from "../shared/composition.ts";
import { readTriggerSettings } from "../shared/config.ts";
import { isMigrationError } from "../shared/domain/errors.ts";

const metadataSchema = z.object({ blobTrigger: z.string().startsWith("uploads/") });

/**
 * A file arrived in `uploads`. The content is read again by name, as a stream with its version.
 * A failure leaves the file to the janitor; a throw would only fill the poison queue.
 */
export async function onUpload(_content: unknown, context: InvocationContext): Promise<void> {
  const { blobTrigger } = metadataSchema.parse(context.triggerMetadata);
  try {
    await ingestUpload(blobTrigger.slice("uploads/".length));
  } catch (error) {
    if (!isMigrationError(error)) throw error;
    context.error(JSON.stringify({ event: "upload.failed", code: error.code }));
  }
}

const { uploadTriggerSource, dataStorageSetting } = readTriggerSettings();
app.storageBlob("upload", {
  path: "uploads/{name}",
  connection: dataStorageSetting,
  source: uploadTriggerSource,
  handler: onUpload,
});
