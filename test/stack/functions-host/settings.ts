/** App settings, as the platform hands them to an app: environment variables. */
export type Settings = Readonly<Record<string, string | undefined>>;

/**
 * Replaces each `%NAME%` in a binding's option by the setting of that name.
 * @throws Error if a setting is missing, as the real host refuses the function.
 */
export function resolveSettings(text: string, settings: Settings): string {
  return text.replace(/%([^%]+)%/g, (_, name: string) => {
    const value = settings[name];
    if (!value) throw new Error(`'%${name}%' does not resolve to a value.`);
    return value;
  });
}

/** Where a connection leads and how it signs in. */
export type Connection =
  | { readonly kind: "connectionString"; readonly connectionString: string }
  | { readonly kind: "identity"; readonly options: Readonly<Record<string, string>> };

/**
 * Finds the connection a binding names: the setting of that name, or its identity form `NAME__option`.
 * Option names are returned in lower case.
 * Source: https://learn.microsoft.com/azure/azure-functions/functions-reference#connections
 * @throws Error if there is neither.
 */
export function connectionOf(name: string, settings: Settings): Connection {
  for (const candidate of [name, `AzureWebJobs${name}`]) {
    const connectionString = settings[candidate];
    if (connectionString) return { kind: "connectionString", connectionString };
    const prefix = `${candidate}__`;
    const options = Object.entries(settings).flatMap(([key, value]) =>
      key.startsWith(prefix) && value ? [[key.slice(prefix.length).toLowerCase(), value] as const] : [],
    );
    if (options.length > 0) return { kind: "identity", options: Object.fromEntries(options) };
  }
  throw new Error(`The connection '${name}' is missing from the settings.`);
}

/** True if the setting `AzureWebJobs.<function>.Disabled` switches a function off. */
export function isDisabled(functionName: string, settings: Settings): boolean {
  const value = settings[`AzureWebJobs.${functionName}.Disabled`]?.toLowerCase();
  return value === "true" || value === "1";
}
