import { createRequire } from "node:module";

/** The part of Microsoft's Kusto language service in use: a script made from C# that works on globals. */
interface KustoGlobals {
  readonly Kusto: {
    readonly Language: {
      readonly KustoCode: {
        ParseAndAnalyze(text: string, globals: unknown): { GetDiagnostics(): DiagnosticList };
      };
      readonly GlobalState: { readonly Default: { WithDatabase(database: unknown): unknown } };
      readonly Symbols: {
        readonly TableSymbol: {
          readonly $ctor7: new (name: string, schema: string, description: null) => unknown;
        };
        readonly FunctionSymbol: {
          readonly $ctor16: new (
            name: string,
            parameters: string,
            body: string,
            description: null,
          ) => unknown;
        };
        readonly DatabaseSymbol: {
          readonly ctor: new (name: string, members: readonly unknown[]) => unknown;
        };
      };
    };
  };
}
interface DiagnosticList {
  readonly Count: number;
  getItem(index: number): { readonly Severity: string; readonly Message: string };
}

/**
 * The columns in use of the tables that Application Insights fills.
 * @see https://learn.microsoft.com/azure/azure-monitor/reference/tables/apptraces
 */
const tables: Readonly<Record<string, string>> = {
  AppTraces:
    "(TimeGenerated: datetime, Message: string, SeverityLevel: int, OperationId: string, AppRoleInstance: string, Properties: dynamic)",
  AppRequests:
    "(TimeGenerated: datetime, OperationId: string, Name: string, DurationMs: real, Success: bool)",
  AppDependencies:
    "(TimeGenerated: datetime, OperationId: string, DependencyType: string, Target: string, Name: string, DurationMs: real, Success: bool)",
};

/** Checks queries against the tables above and the saved function, as the portal's editor would. */
export class QueryChecker {
  readonly #kusto: KustoGlobals["Kusto"]["Language"];
  readonly #database: unknown;

  /** @param events text of the saved function MigrationEvents. */
  constructor(events: string) {
    const require = createRequire(import.meta.url);
    require("@kusto/language-service-next/bridge.min.js");
    require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
    this.#kusto = (globalThis as unknown as KustoGlobals).Kusto.Language;
    const { TableSymbol, FunctionSymbol, DatabaseSymbol } = this.#kusto.Symbols;
    const members = [
      ...Object.entries(tables).map(([name, schema]) => new TableSymbol.$ctor7(name, schema, null)),
      new FunctionSymbol.$ctor16("MigrationEvents", "()", `{ ${events}\n}`, null),
    ];
    const database = new DatabaseSymbol.ctor("workspace", members);
    this.#database = this.#kusto.GlobalState.Default.WithDatabase(database);
  }

  /** Errors of syntax, and names, columns and types that do not exist or do not fit. */
  errors(query: string): readonly string[] {
    const found = this.#kusto.KustoCode.ParseAndAnalyze(query, this.#database).GetDiagnostics();
    return Array.from({ length: found.Count }, (_, index) => found.getItem(index))
      .filter(({ Severity }) => Severity === "Error")
      .map(({ Message }) => Message);
  }
}
