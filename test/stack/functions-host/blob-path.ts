/** A compiled blob trigger path, `container/pattern`. */
export interface BlobPath {
  readonly container: string;
  /** Values of the `{name}` parts, or undefined if the blob does not match. */
  match(blobName: string): Record<string, string> | undefined;
}

/**
 * Compiles a path as the WebJobs SDK's BindingTemplateSource does: each `{name}` matches any text, `/` and
 * nothing included, earlier ones as much as they can; everything else is compared with regard to case;
 * `{{` and `}}` stand for braces. A path without a pattern matches the whole container.
 * @throws SyntaxError if the path has an unknown form.
 */
export function compileBlobPath(path: string): BlobPath {
  const slash = path.indexOf("/");
  const container = slash < 0 ? path : path.slice(0, slash);
  if (container === "" || container.includes("{"))
    throw new SyntaxError(`The blob path '${path}' does not start with a container's name.`);
  const pattern = slash < 0 ? "" : path.slice(slash + 1);
  if (pattern === "") return { container, match: () => ({}) };

  const names: string[] = [];
  const expression = pattern.replace(
    /\{\{|\}\}|\{(\w+)\}|[{}]|[^{}]+/g,
    (token: string, name: string | undefined) => {
      if (name !== undefined) {
        names.push(name);
        return "(.*)";
      }
      if (token === "{" || token === "}")
        throw new SyntaxError(`The blob path '${path}' has an unpaired brace.`);
      return (token === "{{" ? "{" : token === "}}" ? "}" : token).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    },
  );
  const matcher = new RegExp(`^${expression}$`);
  return {
    container,
    match(blobName) {
      const values = matcher.exec(blobName);
      return values
        ? Object.fromEntries(names.map((name, index) => [name, values[index + 1] ?? ""]))
        : undefined;
    },
  };
}
