import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { referenceFile, renderReference } from "../../../infra/scripts/reference.ts";
import { routes } from "../../../shared/domain/api/routes.ts";
import { batchOptionsSchema } from "../../../shared/domain/batch-options.ts";
import { endpointSchema } from "../../../shared/domain/endpoint.ts";

it("the reference is what the code says", () => {
  // `npm run reference` writes it anew.
  expect(readFileSync(referenceFile, "utf8")).toBe(renderReference());
});

it("the reference has every key and every route", () => {
  const text = readFileSync(referenceFile, "utf8");
  const keys = [...Object.keys(endpointSchema.shape), ...Object.keys(batchOptionsSchema.shape)];
  expect(keys.length).toBeGreaterThan(30);
  expect(keys.filter((key) => !text.includes(`| \`${key}\``))).toEqual([]);
  const paths = Object.values(routes).map(({ method, path }) => `| ${method.padEnd(6)} | \`/api/${path}\``);
  expect(paths.filter((path) => !text.includes(path))).toEqual([]);
});
