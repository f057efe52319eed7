import { describe, expect, it } from "vitest";
import { MigrationError } from "../../../../shared/domain/errors.ts";
import { TargetPulse } from "../../../../shared/migration/sync/target-pulse.ts";

const inDoubt = new MigrationError("transient", "GraphUnavailable", "It answered 500.", { inDoubt: true });
const refused = new MigrationError("transient", "GraphTokenRefused", "It answered 401.");

/** A target that gives these answers in turn, each after so many milliseconds. */
function pulseOf(answers: readonly (boolean | undefined | MigrationError)[], eachMs = 0) {
  let asked = 0;
  let now = 0;
  const target = {
    takesMessages: async () => {
      const answer = answers[asked++];
      now += eachMs;
      if (answer instanceof MigrationError) throw answer;
      return answer;
    },
  };
  const pulse = new TargetPulse(target, () => now);
  return { pulse, asked: () => asked };
}

describe("whether a target takes messages", () => {
  it("is asked again where the question itself came into doubt", async () => {
    const { pulse, asked } = pulseOf([inDoubt, inDoubt, true]);
    expect(await pulse.since(0)).toBe("takes");
    expect(asked()).toBe(3);
  });

  it.each([
    ["three questions", [inDoubt, inDoubt, inDoubt, true], 0, 3],
    ["one that takes long", [inDoubt, true], 20_000, 1],
    ["one that is refused", [refused, true], 0, 1],
  ] as const)("is denied after %s", async (_, answers, eachMs, times) => {
    const { pulse, asked } = pulseOf(answers, eachMs);
    expect(await pulse.since(0)).toBe("away");
    expect(asked()).toBe(times);
  });

  it("needs no question where it took one since", async () => {
    const { pulse, asked } = pulseOf([]);
    pulse.took();
    expect([await pulse.since(0), asked()]).toEqual(["takes", 0]);
  });

  it("is asked at every third failure in a row, which a success ends", async () => {
    const { pulse, asked } = pulseOf([true]);
    const failing = () => new MigrationError("transient", "GraphUnavailable", "It answered 500.");
    for (let failures = 0; failures < 2; failures++) expect(await pulse.mayGoOn(failing())).toBe(true);
    pulse.took();
    for (let failures = 0; failures < 2; failures++) expect(await pulse.mayGoOn(failing())).toBe(true);
    expect(asked()).toBe(0);
    expect(await pulse.mayGoOn(failing())).toBe(true);
    expect(asked()).toBe(1);
  });
});
