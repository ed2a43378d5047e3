import * as v from "valibot";

import { reasonOf, TandemError } from "../lib/error.ts";

/**
 * Reads a JSON document that every reader understands alike: it is UTF-8, and no object has a member twice. Throws
 * "content". `what` names the document in the message.
 */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    const twice = repeatedKey(text);
    if (twice === undefined) return value;
    throw new SyntaxError(`it names ${twice} twice`);
  } catch (error) {
    throw new TandemError("content", `Cannot read ${what}: ${reasonOf(error)}`);
  }
}

/** Parses `value` with `schema`. Throws "content" with the first issue. */
export function parseAs<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  what: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new TandemError(
    "content",
    `Cannot use ${what}: ${path === null ? "" : `${path}: `}${issue.message}`,
  );
}

/** Returns a member name that an object has twice. `text` is valid JSON. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, key] of text.matchAll(/[{}]|("(?:[^"\\]|\\.)*")(\s*:)?/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (key !== undefined && token !== key) {
      const name = String(JSON.parse(key));
      if (open.at(-1)?.has(name) === true) return key;
      open.at(-1)?.add(name);
    }
  }
  return undefined;
}
