import type { System } from "../system/system.ts";
import type { Config } from "./config.ts";
import type { Globals } from "./globals.ts";
import { output } from "./output.ts";
import type { TalkLine } from "./talk.ts";

/** What every verb gets. */
export interface Context {
  readonly system: System;
  readonly globals: Globals;
  readonly config: Config;
  /** The origin of each configured value. A value without an origin is a default. */
  readonly origins: ReadonlyMap<string, string>;
  /** Why the configuration cannot be used, for a verb that then works with the defaults. */
  readonly configFault?: Error;
  readonly talk: TalkLine;
  /** Aborts when the operator or the system asks tandem to stop. */
  readonly signal: AbortSignal;
}

/** The version of the schemas in schema/. It grows when a member changes or is removed, not when one is added. */
const JSON_FORMAT = 1;

/** Prints a result on stdout: as JSON with --json, otherwise as text. */
export function print<T extends object>(
  { globals, talk }: Context,
  result: T,
  text: (result: T) => string,
): void {
  talk.end();
  output("stdout", `${globals.json ? jsonOf(result) : text(result)}\n`);
}

export function jsonOf(result: object): string {
  return JSON.stringify(documentOf(result));
}

/** A result as the schemas describe it. */
export function documentOf(result: object): object {
  return { format: JSON_FORMAT, ...result };
}
