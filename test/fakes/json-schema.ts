/**
 * The part of JSON Schema 2020-12 that schema/*.json uses. It refuses unknown keywords, so that no rule stays
 * unchecked.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dir, "../../schema");

type Schema = Readonly<Record<string, unknown>>;

export function readSchema(name: string): Schema {
  return JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Schema;
}

/**
 * Returns one line for each fault of `value`. A member that the schema does not list is a fault, because it is not
 * documented.
 */
export function faults(schema: Schema, value: unknown, path = "$"): string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    const check = KEYWORDS[keyword];
    if (check === undefined) throw new Error(`Unknown keyword "${keyword}" at ${path}`);
    return check(rule, value, { schema, path });
  });
}

interface RuleContext {
  readonly schema: Schema;
  readonly path: string;
}
type Check = (rule: unknown, value: unknown, context: RuleContext) => string[];

const fine: Check = () => [];

const KEYWORDS: Readonly<Record<string, Check>> = {
  $schema: fine,
  title: fine,
  description: fine,
  $ref(rule, value, { path }) {
    const [file = "", pointer = ""] = String(rule).split("#/$defs/");
    const defs = readSchema(file)["$defs"] as Readonly<Record<string, Schema>>;
    const target = defs[pointer];
    return target === undefined ? [`${path}: no ${String(rule)}`] : faults(target, value, path);
  },
  anyOf(rule, value, { path }) {
    const all = (rule as Schema[]).map((one) => faults(one, value, path));
    return all.some((found) => found.length === 0) ? [] : all.flat();
  },
  const: (rule, value, { path }) =>
    value === rule ? [] : [`${path}: ${JSON.stringify(value)} is not ${JSON.stringify(rule)}`],
  enum: (rule, value, { path }) =>
    (rule as unknown[]).includes(value) ? [] : [`${path}: unexpected ${JSON.stringify(value)}`],
  type: (rule, value, { path }) =>
    [rule].flat().some((name) => isOf(String(name), value)) ? [] : [`${path}: not ${String(rule)}`],
  minimum: (rule, value, { path }) =>
    Number(value) >= Number(rule) ? [] : [`${path}: less than ${String(rule)}`],
  items: (rule, value, { path }) =>
    Array.isArray(value)
      ? value.flatMap((one, index) => faults(rule as Schema, one, `${path}[${index}]`))
      : [],
  required: (rule, value, { path }) =>
    (rule as string[])
      .filter((name) => !Object.hasOwn(Object(value) as object, name))
      .map((name) => `${path}: no ${name}`),
  properties: (rule, value, { path }) =>
    membersOf(value).flatMap(([name, member]) => {
      const schema = (rule as Readonly<Record<string, Schema>>)[name];
      return schema === undefined
        ? [`${path}.${name}: not documented`]
        : faults(schema, member, `${path}.${name}`);
    }),
  additionalProperties: (rule, value, { path }) =>
    membersOf(value).flatMap(([name, member]) => faults(rule as Schema, member, `${path}.${name}`)),
};

function membersOf(value: unknown): [string, unknown][] {
  return isOf("object", value) ? Object.entries(value as object) : [];
}

function isOf(type: string, value: unknown): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "null") return value === null;
  if (type === "object") return value instanceof Object && !Array.isArray(value);
  return typeof value === type;
}
