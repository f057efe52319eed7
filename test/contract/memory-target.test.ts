import { describe } from "vitest";
import { memoryTargetUnderTest } from "./contracts/memory-target.ts";
import { targetContract } from "./contracts/target-contract.ts";

describe.each(["graph", "imap"] as const)("a target in memory in the manner of %s", (kind) => {
  targetContract(() => memoryTargetUnderTest(kind));
});
