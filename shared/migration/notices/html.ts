/*
 * Plain HTML for mails, as every mail program shows it: tables with their own styles, no pictures, no scripts, nothing from
 * elsewhere. All functions are pure.
 */

/** A part of a mail. */
export type Block =
  | { readonly kind: "text"; readonly text: string }
  /** Names and values below each other. */
  | { readonly kind: "facts"; readonly rows: readonly (readonly [string, string])[] }
  | {
      readonly kind: "table";
      readonly caption: string;
      readonly header: readonly string[];
      readonly rows: readonly (readonly string[])[];
    }
  | { readonly kind: "link"; readonly text: string; readonly address: string };

const font =
  "font-family:'Segoe UI',Helvetica,Arial,sans-serif;font-size:14px;line-height:20px;color:#242424";
const cell = "padding:4px 12px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid #e0e0e0";
const title = `${cell};color:#616161;font-weight:normal`;
const name = `${title};white-space:nowrap`;

/** A whole document. Everything in it is text: nothing of it is taken for HTML. */
export function mailDocument(title: string, blocks: readonly Block[], footer: string): string {
  return [
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
    `<meta name="viewport" content="width=device-width"><title>${escaped(title)}</title></head>`,
    `<body style="margin:0;padding:24px;background:#ffffff;${font}"><div style="max-width:640px">`,
    `<h1 style="margin:0 0 12px;font-size:20px;line-height:26px;font-weight:600">${escaped(title)}</h1>`,
    ...blocks.map(rendered),
    `<p style="margin:24px 0 0;color:#616161;font-size:12px;line-height:16px">${escaped(footer)}</p>`,
    "</div></body></html>",
  ].join("\n");
}

function rendered(block: Block): string {
  switch (block.kind) {
    case "text":
      return `<p style="margin:0 0 12px">${escaped(block.text)}</p>`;
    case "facts":
      return tableOf(
        block.rows.map(
          ([label, value]) => `<th scope="row" style="${name}">${escaped(label)}</th>${cellOf(value)}`,
        ),
      );
    case "table": {
      const header = block.header
        .map((text) => `<th scope="col" style="${title}">${escaped(text)}</th>`)
        .join("");
      const caption = `<h2 style="margin:16px 0 4px;font-size:14px;font-weight:600">${escaped(block.caption)}</h2>`;
      return `${caption}${tableOf([header, ...block.rows.map((row) => row.map(cellOf).join(""))])}`;
    }
    case "link":
      return `<p style="margin:16px 0 0"><a href="${escaped(block.address)}" style="color:#0f6cbd">${escaped(block.text)}</a></p>`;
  }
}

function tableOf(rows: readonly string[]): string {
  const body = rows.map((row) => `<tr>${row}</tr>`).join("");
  return `<table cellspacing="0" cellpadding="0" style="border-collapse:collapse;margin:0 0 12px;${font}">${body}</table>`;
}

function cellOf(text: string): string {
  return `<td style="${cell}">${escaped(text)}</td>`;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
