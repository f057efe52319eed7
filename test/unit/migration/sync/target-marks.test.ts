import { expect, it } from "vitest";
import type { TargetFolderId } from "../../../../shared/domain/names.ts";
import { TargetMarks } from "../../../../shared/migration/sync/target-marks.ts";

const [inbox, work] = ["inbox", "work"] as TargetFolderId[] as [TargetFolderId, TargetFolderId];

function marksOf(answer: (asked: number) => Promise<string> = async (asked) => `mark ${asked}`) {
  const asked: string[] = [];
  const marks = new TargetMarks({
    markFolder: async (folder) => {
      asked.push(folder);
      return answer(asked.length);
    },
  });
  return { marks, asked };
}

it("takes the mark that was asked for ahead, once", async () => {
  const { marks, asked } = marksOf();
  marks.lookAhead(work);
  expect(await marks.of(work)).toBe("mark 1");
  expect(await marks.of(work)).toBe("mark 2");
  expect(asked).toEqual(["work", "work"]);
});

it("asks for another folder's, and drops what was asked for before", async () => {
  const { marks } = marksOf();
  marks.lookAhead(work);
  expect(await marks.of(inbox)).toBe("mark 2");
  expect(await marks.of(work)).toBe("mark 3");
});

it("fails whoever takes a mark that could not be had, and nobody else", async () => {
  const { marks } = marksOf(async () => {
    throw new Error("gone");
  });
  marks.lookAhead(work);
  await new Promise((resolve) => setImmediate(resolve));
  await expect(marks.of(work)).rejects.toThrow("gone");
});
