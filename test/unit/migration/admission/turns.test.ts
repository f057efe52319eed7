import { expect, it } from "vitest";
import { Turns } from "../../../../shared/migration/admission/turns.ts";

it("does at once what was asked for since it began, and nothing twice at a time", async () => {
  const begun: (readonly number[])[] = [];
  const ends: (() => void)[] = [];
  const turns = new Turns<number>((asks) => {
    begun.push([...asks]);
    return new Promise((resolve) => ends.push(resolve));
  });
  const first = turns.ask(1);
  await Promise.resolve();
  const others = [turns.ask(2), turns.ask(3)];
  await new Promise((resolve) => setImmediate(resolve));
  expect(begun).toEqual([[1]]);
  ends[0]?.();
  await first;
  await new Promise((resolve) => setImmediate(resolve));
  expect(begun).toEqual([[1], [2, 3]]);
  ends[1]?.();
  await Promise.all(others);
});

it("tells those whose turn failed, and goes on with the next one", async () => {
  let turn = 0;
  const turns = new Turns<string>(async () => {
    if (++turn === 1) throw new Error("away");
  });
  const failed = [turns.ask("a"), turns.ask("b")];
  await expect(failed[0]).rejects.toThrow("away");
  await expect(failed[1]).rejects.toThrow("away");
  await expect(turns.ask("c")).resolves.toBeUndefined();
});
