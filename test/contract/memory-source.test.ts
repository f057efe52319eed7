import { describe } from "vitest";
import { memorySourceUnderTest } from "./contracts/memory-source.ts";
import { sourceContract } from "./contracts/source-contract.ts";

describe("a source in memory", () => {
  sourceContract(memorySourceUnderTest);
});
