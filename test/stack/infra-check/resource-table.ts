/** A row of the table in infra/docs/resources.md. */
export interface ResourceRow {
  readonly path: string;
  /** `[role, "app" or "operator"]` */
  readonly grants: readonly (readonly [role: string, principal: string])[];
}

/** Reads the table: rows that begin with a path in backquotes and have three columns. */
export function readResourceTable(text: string): readonly ResourceRow[] {
  return [...text.matchAll(/^\| `([\w/-]+)`[^|]*\|[^|]*\|([^|]*)\|$/gm)].map(
    ([, path = "", grants = ""]) => ({
      path,
      grants: [...grants.matchAll(/(app|operator): ([^;]+)/g)].flatMap(([, principal = "", roles = ""]) =>
        roles.split(",").map((role): [string, string] => [role.trim(), principal]),
      ),
    }),
  );
}
