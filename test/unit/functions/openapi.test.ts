import { createConfig, lintFromString } from "@redocly/openapi-core";
import { describe, expect, it } from "vitest";
import { openApiDocument } from "../../../functions/openapi.ts";
import { contracts } from "../../../shared/domain/api/contract.ts";
import { type RouteName, routes } from "../../../shared/domain/api/routes.ts";
import { loadApp } from "../../stack/functions-host/core-module.ts";

const document = JSON.stringify(openApiDocument());

const namesIn = (path: string) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);

describe("the OpenAPI document", () => {
  it("is valid, and a linter has nothing to say", async () => {
    const config = await createConfig({ extends: ["recommended-strict"] });
    const lint = (source: string) => lintFromString({ source, absoluteRef: "/openapi.json", config });
    const found = (await lint(document)).map(({ ruleId, message, location }) => [
      ruleId,
      message,
      location[0]?.pointer,
    ]);
    expect(found).toEqual([]);
    const broken = document.replace('"operationId":"batches-get"', '"operationId":"batches-list"');
    expect((await lint(broken)).map(({ ruleId }) => ruleId)).toContain("operation-operationId-unique");
  });

  it("has every route that the application registers, and no other", async () => {
    const app = await loadApp(
      () => import("../../../functions/index.ts"),
      () => undefined,
    );
    const registered = [...app.functions.values()].flatMap(({ metadata }) =>
      Object.values(metadata.bindings)
        .filter(({ type }) => type === "httpTrigger")
        .map((binding) => {
          const { methods = [], route } = JSON.parse(JSON.stringify(binding)) as {
            methods?: readonly string[];
            route: string;
          };
          return `${methods.join()} /${route}`.toLowerCase();
        }),
    );
    const paths = openApiDocument().paths ?? {};
    const documented = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item ?? {}).map((method) => `${method} ${path}`.toLowerCase()),
    );
    expect(registered.length).toBeGreaterThan(25);
    // The page is no part of the API.
    expect(registered.toSorted()).toEqual([...documented, "get /dashboard/{*path}"].toSorted());
  });

  it.each(Object.keys(routes) as RouteName[])("%s parses the names in its address", (name) => {
    const { params } = contracts[name];
    expect(Object.keys(params?.shape ?? {}).toSorted()).toEqual(namesIn(routes[name].path).toSorted());
  });

  it("says what a body has to be, as the application reads it", () => {
    const { components } = openApiDocument();
    const options = components?.schemas?.BatchOptions as {
      properties: object;
      additionalProperties: boolean;
    };
    expect(options.additionalProperties).toBe(false);
    expect(Object.keys(options.properties)).toEqual(
      expect.arrayContaining(["skippedItemLimit", "startAfter"]),
    );
  });
});
