import { dirname } from "node:path";
import { changeEnvFile, type EnvFile, readEnvFile } from "../../boot/grub/env-file.ts";
import { reasonOf } from "../../lib/error.ts";
import {
  type AgentAnswer,
  type AgentMachine,
  type AgentVerb,
  failed,
  printed,
} from "./agent-answer.ts";
import { parseGoFlags, valueOf } from "./go-flags.ts";
import { logLine } from "./log.ts";

/** Where GRUB looks for the next entry and for options of the user. */
export const GRUB_ENV = "/oem/grubenv";

/** `grubedit` prints the variables of a GRUB environment file, `grubedit set KEY=VALUE` changes one. */
export const grubEdit: AgentVerb = (machine, { words }) => {
  const parsed = parseGoFlags(words, { "grub-file": "value" });
  const path = valueOf(parsed, "grub-file") ?? GRUB_ENV;
  const [subcommand, assignment, ...more] = parsed.rest;
  if (subcommand === undefined) return list(machine, path);
  if (subcommand !== "set") return undefined;
  if (assignment === undefined || more.length > 0)
    return failed(["File and key=value arguments missing"]);
  const equals = assignment.indexOf("=");
  if (equals === -1) return failed(["key=value argument must be in the format KEY=VALUE"]);
  return set(machine, path, {
    name: assignment.slice(0, equals),
    value: assignment.slice(equals + 1),
  });
};

/** The environment file at a path of this machine. */
export function envFileAt({ system }: AgentMachine, path: string): EnvFile {
  return { path, folder: dirname(path), files: system.mounted };
}

function list(machine: AgentMachine, path: string): AgentAnswer {
  const { system } = machine;
  try {
    if (!system.files.exists(path)) return printed(logLine(system, "INF", `No file ${path} found`));
    const variables = readEnvFile(envFileAt(machine, path));
    if (variables.size === 0)
      return printed(logLine(system, "INF", `No grub variables found in ${path}`));
    const width = Math.max(...[...variables.keys()].map((name) => name.length));
    const lines = [...variables].map(([name, value]) => `${name.padEnd(width)} = ${value}\n`);
    return printed(logLine(system, "INF", `Grub variables found in ${path}:\n${lines.join("")}`));
  } catch (error) {
    const line = logLine(system, "ERR", `Error reading grub variables from ${path}`);
    return failed([`${line}${reasonOf(error)}`]);
  }
}

/** An empty value removes the variable. */
function set(
  machine: AgentMachine,
  path: string,
  { name, value }: { readonly name: string; readonly value: string },
): AgentAnswer {
  const { system } = machine;
  try {
    changeEnvFile(envFileAt(machine, path), { [name]: value === "" ? undefined : value });
  } catch (error) {
    const line = logLine(system, "ERR", `Error setting grub variables in ${path}`);
    return failed([`${line}${reasonOf(error)}`]);
  }
  const done =
    value === ""
      ? `Removed grub variable ${name} from ${path}`
      : `Set grub variable ${name}=${value} in ${path}`;
  return printed(logLine(system, "INF", done));
}
