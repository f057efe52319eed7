import { type BlockBlobClient, type ContainerClient, RestError } from "@azure/storage-blob";

const leaseSeconds = 15;
const completed = "completed";

export interface BlobReceipts {
  /**
   * Does something once for a key, across processes: a receipt blob is leased while it is done, and marked after.
   * After a crash between the two it is done again.
   * @returns false if another process is at it; true if it is done.
   * @throws what the action throws.
   */
  once(key: string, action: () => Promise<void>): Promise<boolean>;
}

/** Receipts of handled blob versions, in `blobreceipts/` of the host's container as the WebJobs SDK keeps them. */
export function createBlobReceipts(container: ContainerClient, hostId: string): BlobReceipts {
  return {
    async once(key, action) {
      const receipt = container.getBlockBlobClient(`blobreceipts/${hostId}/${key}`);
      await ignore(409, receipt.upload("", 0, { conditions: { ifNoneMatch: "*" } }));
      if (await isCompleted(receipt)) return true;
      const lease = receipt.getBlobLeaseClient();
      const leased = await ignore(409, lease.acquireLease(leaseSeconds));
      if (leased?.leaseId === undefined) return false;
      try {
        if (await isCompleted(receipt)) return true;
        await action();
        await receipt.setMetadata({ [completed]: "True" }, { conditions: { leaseId: leased.leaseId } });
        return true;
      } finally {
        await lease.releaseLease();
      }
    },
  };
}

async function isCompleted(receipt: BlockBlobClient): Promise<boolean> {
  const { metadata } = await receipt.getProperties();
  return metadata?.[completed] === "True";
}

/** The answer, or undefined if the service refused with this status. */
async function ignore<T>(status: number, request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof RestError && error.statusCode === status) return undefined;
    throw error;
  }
}
