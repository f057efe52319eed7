import { expect, it } from "vitest";
import { createTextSearch } from "../../../../shared/migration/status/text-search.ts";
import { Random } from "../../../stack/random.ts";

it("finds what a look at each text finds, whatever the texts hold", () => {
  const random = new Random("texts");
  const letters = ["a", "A", "b", ".", "İ", "Σ", "ß", "\0", "\u{1f4e7}"];
  const text = (length: number) => Array.from({ length }, () => random.pick(letters)).join("");
  for (let round = 0; round < 300; round++) {
    const texts = Array.from({ length: random.integer(0, 12) }, () => text(random.integer(0, 6)));
    const search = createTextSearch(texts);
    for (let asked = 0; asked < 20; asked++) {
      const wanted = text(random.integer(0, 3)).replaceAll("\0", "");
      const expected = texts.flatMap((each, index) =>
        each.toLowerCase().includes(wanted.toLowerCase()) ? [index] : [],
      );
      expect(search(wanted), JSON.stringify({ texts, wanted })).toEqual(expected);
    }
  }
});

it("finds nothing across the end of a text", () => {
  const search = createTextSearch(["ab", "cd"]);
  expect([search("bc"), search("b\0c"), search("\0"), search("D")]).toEqual([[], [], [], [1]]);
  expect(createTextSearch([])("")).toEqual([]);
});
