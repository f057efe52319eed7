import { describe, expect, it } from "vitest";
import { noChangeRound } from "../bench/no-change/round.ts";
import { startBigCourier, startBigCyrus, startBigDovecot } from "../bench/no-change/servers.ts";

const size = { folders: 30, messagesPerFolder: 2 };

describe("a round in which nothing changed", () => {
  it.concurrent.each([
    ["Dovecot", startBigDovecot],
    ["Cyrus", startBigCyrus],
    ["Courier", startBigCourier],
  ])("opens no folder of %s and asks the target for nothing", async (_name, start) => {
    const source = await start(size);
    try {
      const round = await noChangeRound(source);
      expect(round).toMatchObject({ messages: 60, folders: 30, targetRequests: 0, problems: [] });
    } finally {
      await source.stop();
    }
  });
});
