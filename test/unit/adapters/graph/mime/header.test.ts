import { expect, it } from "vitest";
import { parseHeader } from "../../../../../shared/adapters/graph/mime/header.ts";

const fieldsOf = (header: string) => parseHeader(Buffer.from(`${header}\r\n`));

it("tells fields apart that stand on one line", () => {
  expect(
    fieldsOf("Content-Type: text/html \tContent-Transfer-Encoding : base64\tcontent-id: \t <a@b>"),
  ).toEqual([
    { name: "content-type", value: "text/html " },
    { name: "content-transfer-encoding", value: "base64", joined: true },
    { name: "content-id", value: "<a@b>", joined: true },
  ]);
});

it.each([
  ["in quotes", 'Content-Disposition: attachment; filename="a Content-Type: b"'],
  ["behind an escape", "Content-Description: a\\ Content-Type: b"],
  ["right behind the name of another one", "Content-Description: Content-Type: b"],
  ["without a colon", "Content-Description: a content-type b"],
])("sees no second field %s", (_, header) => {
  expect(fieldsOf(header)).toHaveLength(1);
});

it("reads a field that opens a quote behind another one's quotes", () => {
  expect(fieldsOf('Content-Type: a; name="x y" Content-Disposition: b; filename="q"')).toEqual([
    { name: "content-type", value: 'a; name="x y"' },
    { name: "content-disposition", value: 'b; filename="q"', joined: true },
  ]);
});
