import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

const source = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * What axe finds on the page once nothing on it fades in any more. Left out are the two elements with which the focus library keeps the focus within a
 * dialog: they are hidden and take the focus by design.
 */
export async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(async () => {
    const ending = document
      .getAnimations()
      .filter(({ effect }) => Number.isFinite(effect?.getComputedTiming().endTime));
    await Promise.allSettled(ending.map(({ finished }) => finished));
  });
  // As a user script does: the page's policy refuses script elements with text.
  await page.evaluate(await source);
  const { violations: found } = (await page.evaluate(() => {
    const { axe } = window as unknown as {
      axe: { run(context: object, options: object): Promise<AxeResult> };
    };
    return axe.run({ exclude: ["[data-tabster-dummy]"] }, { resultTypes: ["violations"] });
  })) as AxeResult;
  return found.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html.slice(0, 200)} (${nodes.length})`,
  );
}
