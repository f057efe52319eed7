import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, it } from "vitest";

const page = join(import.meta.dirname, "../../../functions/page");
const components = createRequire(import.meta.url).resolve("@fluentui/react-components");
const { webLightTheme, webDarkTheme } = createRequire(components)("@fluentui/tokens") as Readonly<
  Record<string, Readonly<Record<string, string>>>
>;

it("the first frame has the colours and the face that the page has a moment later", async () => {
  const html = await readFile(join(page, "index.html"), "utf8");
  const colours = [...html.matchAll(/--(color\w+): light-dark\((#\w+), (#\w+)\);/g)];
  expect(colours.length).toBeGreaterThan(3);
  for (const [, name = "", light, dark] of colours)
    expect([name, webLightTheme?.[name], webDarkTheme?.[name]]).toEqual([name, light, dark]);
  const face = /--fontFamilyBase:\s+([^;]+);/.exec(html)?.[1];
  const plain = (text = "") => text.replace(/["']/g, "").replace(/\s+/g, " ");
  expect(plain(face)).toBe(plain(webLightTheme?.fontFamilyBase));
});
