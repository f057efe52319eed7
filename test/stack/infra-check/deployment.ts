import { dirname, join } from "node:path";
import type { Node } from "web-tree-sitter";
import { type BicepFile, type Declaration, readBicep } from "./bicep-file.ts";
import { evaluate, isObject, loop, type Scope, Unknown, type Value, type ValueObject } from "./evaluate.ts";
import { parts } from "./syntax.ts";

/** A Verified Module, or a resource written out, as it would be deployed. */
export interface Deployed {
  /** Deployment names from the top, `storage/data-account`. */
  readonly path: string;
  /** Module reference or resource type. */
  readonly source: string;
  /** Parameters of a module, body of a resource. */
  readonly params: ValueObject;
}

export interface Deployment {
  readonly deployed: readonly Deployed[];
  readonly outputs: ValueObject;
}

/**
 * What a template deploys with the given parameters: every local module is entered, every expression evaluated, and
 * what only Azure can know stays {@link Unknown}.
 * @throws Error for a parameter that is missing or not allowed, and for an expression that has no value.
 */
export async function planDeployment(path: string, parameters: ValueObject): Promise<Deployment> {
  return planFile(await loadTree(path), parameters, "");
}

interface Template {
  readonly file: BicepFile;
  /** Local modules by the name they are declared under. */
  readonly modules: ReadonlyMap<string, Template>;
}

async function loadTree(path: string): Promise<Template> {
  const file = await readBicep(path);
  const modules = new Map<string, Template>();
  for (const { kind, name, source } of file.declarations)
    if (kind === "module" && source?.endsWith(".bicep"))
      modules.set(name, await loadTree(join(dirname(path), source)));
  return { file, modules };
}

function planFile({ file, modules }: Template, parameters: ValueObject, prefix: string): Deployment {
  const deployed: Deployed[] = [];
  const known = new Map<string, Value>();
  const symbols = file.declarations.filter(({ kind }) => kind !== "output");
  const byName = new Map(symbols.map((one) => [one.name, one]));
  const scope: Scope = {
    path: file.path,
    lookUp: (name) => {
      const found = known.get(name);
      if (found !== undefined) return found;
      const declaration = byName.get(name);
      if (declaration === undefined) throw new Error(`${file.path}: ${name} is not declared`);
      const value = resultOf(declaration);
      known.set(name, value);
      return value;
    },
  };

  function resultOf(declaration: Declaration): Value {
    const { kind, name, value } = declaration;
    if (kind === "param") return parameterOf(declaration);
    if (value === undefined) throw new Error(`${file.path}: ${name} has no value`);
    if (kind === "module" || kind === "resource") return place(declaration, value, scope);
    return evaluate(value, scope);
  }

  function parameterOf({ name, value, allowed }: Declaration): Value {
    const given = parameters[name] ?? (value ? evaluate(value, scope) : undefined);
    if (given === undefined) throw new Error(`${file.path}: parameter ${name} is missing`);
    if (allowed && !(given instanceof Unknown) && !allowed.includes(String(given)))
      throw new Error(`${file.path}: parameter ${name} may not be ${String(given)}`);
    return given;
  }

  function place(declaration: Declaration, body: Node, inner: Scope): Value {
    if (body.type === "for_statement")
      return loop(body, (one, bound) => place(declaration, one, bound), inner);
    if (body.type === "if_statement") {
      const [condition, one] = parts(body);
      if (!condition || !one) throw new Error(`${file.path}: ${declaration.name} is incomplete`);
      return evaluate(condition, inner) === true ? place(declaration, one, inner) : null;
    }
    const properties = evaluate(body, inner);
    if (!isObject(properties)) throw new Error(`${file.path}: ${declaration.name} has no body`);
    const at = `${prefix}${declaration.kind === "module" ? String(properties.name) : declaration.name}`;
    const source = declaration.source ?? "";
    if (declaration.kind === "resource") {
      if (!declaration.existing) deployed.push({ path: at, source, params: properties });
      return { ...properties, id: new Unknown(`${at}.id`), properties: new Unknown(`${at}.properties`) };
    }
    const params = isObject(properties.params) ? properties.params : {};
    const local = modules.get(declaration.name);
    if (local === undefined) {
      deployed.push({ path: at, source, params });
      return { outputs: new Unknown(at) };
    }
    const inside = planFile(local, params, `${at}/`);
    deployed.push(...inside.deployed);
    return { outputs: inside.outputs };
  }

  const outputs: Record<string, Value> = {};
  for (const declaration of file.declarations) {
    if (declaration.kind === "output") outputs[declaration.name] = resultOf(declaration);
    else scope.lookUp(declaration.name);
  }
  return { deployed, outputs };
}
