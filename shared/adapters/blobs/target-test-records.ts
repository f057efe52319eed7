import type { TargetTestRecords } from "../../migration/ports/target-test-records.ts";
import type { Container } from "./container.ts";

/** A blob for each test of a target mailbox. */
export function createTargetTestRecords(container: Container): TargetTestRecords {
  const nameOf = (id: string) => `target-tests/${id}.json`;
  return {
    read: async (id) => (await container.readText(nameOf(id)))?.text,
    async write(id, text) {
      await container.write(
        nameOf(id),
        "application/json",
        (async function* () {
          yield text;
        })(),
      );
    },
  };
}
