import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const infra = join(import.meta.dirname, "../../../infra");
const pages = [
  "README.md",
  "../README.md",
  "../ARCHITECTURE.md",
  ...readdirSync(join(infra, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];
const textOf = (path: string): string => readFileSync(path, "utf8");

/** The anchor that a heading gets on GitHub. */
const anchors = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );

/** Links of a page that lead nowhere in the repository. */
function deadLinks(page: string, text: string): readonly string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)|src(?:set)?="([^"]+)"/g)]
    .map(([, link, picture]) => link ?? picture ?? "")
    .filter((link) => !/^https?:/.test(link))
    .filter((link) => {
      const [file = "", anchor] = link.split("#");
      const path = file === "" ? page : join(dirname(page), file);
      return !existsSync(path) || (anchor !== undefined && !anchors(textOf(path)).includes(anchor));
    });
}

describe("the pages for operators", () => {
  it.each(pages)("%s links to what is there", (page) => {
    const path = join(infra, page);
    expect(deadLinks(path, textOf(path))).toEqual([]);
  });

  it("are known for a link that leads nowhere", () => {
    const page = join(infra, "README.md");
    expect(
      deadLinks(
        page,
        '[a](docs/none.md) [b](#nothing-here) [c](docs/parameters.md#private-network) <img src="docs/none.webp">',
      ),
    ).toEqual(["docs/none.md", "#nothing-here", "docs/none.webp"]);
  });

  it("explain every parameter that an operator sets", () => {
    const names = [...textOf(join(infra, "main.parameters.json")).matchAll(/"\$\{(\w+)/g)].map(
      ([, name]) => name,
    );
    const explained = pages.map((page) => textOf(join(infra, page))).join("\n");
    expect(names).toContain("ALERT_EMAIL");
    expect(names.filter((name) => name !== undefined && !explained.includes(name))).toEqual([]);
  });

  it("name scripts that are there", () => {
    const named = pages.flatMap((page) => [
      ...textOf(join(infra, page)).matchAll(/infra\/(scripts\/[\w-]+\.\w+|[\w-]+\.bicepparam)/g),
    ]);
    expect(named.length).toBeGreaterThan(5);
    expect(named.map(([, file = ""]) => file).filter((file) => !existsSync(join(infra, file)))).toEqual([]);
  });
});
