import { changeEnvFile } from "../../boot/grub/env-file.ts";
import { reasonOf } from "../../lib/error.ts";
import { readKairosConfig } from "../../kairos/config.ts";
import { isList, valueAt } from "../../kairos/config-tree.ts";
import type { Files } from "../../system/files.ts";
import {
  type AgentAnswer,
  type AgentMachine,
  type AgentVerb,
  failed,
  printed,
} from "./agent-answer.ts";
import { isUnified } from "./boot-state.ts";
import { parseGoFlags, valueOf } from "./go-flags.ts";
import { envFileAt, GRUB_ENV } from "./grub-edit.ts";
import { logLine } from "./log.ts";

/** Where the entries of the menu stand. */
const MENUS = [
  "/etc/cos/grub.cfg",
  "/run/initramfs/cos-state/grub/grub.cfg",
  "/run/initramfs/cos-state/grub2/grub.cfg",
  "/etc/kairos/branding/grubmenu.cfg",
];
const OEM_LABEL = "COS_OEM";

/** `bootentry --select NAME` chooses the entry of the next boot. Without --select it prints the entries. */
export const bootEntry: AgentVerb = (machine, { words }) => {
  const parsed = parseGoFlags(words, { select: "value", s: "value" });
  const { system } = machine;
  if (system.userId !== 0) return failed(["this command requires root privileges"]);
  if (isUnified(system.files.readText("/proc/cmdline") ?? "")) return undefined;
  const name = valueOf(parsed, "select") || valueOf(parsed, "s") || "";
  const entries = menuEntries(system.files);
  if (entries === undefined) {
    const line = `No GRUB configuration file was found: ${MENUS.join(" ")}`;
    const reason = "failed to get any required GRUB configuration file";
    return failed([`${logLine(system, "ERR", line)}${reason}`]);
  }
  if (name === "") return printed(entries.map((entry) => `${entry}\n`).join(""));
  if (!entries.includes(name)) {
    const reason = `entry ${name} does not exist`;
    return failed([`${logLine(system, "ERR", reason)}${reason}`]);
  }
  return select(machine, name);
};

/** GRUB cannot read an encrypted COS_OEM, and a tandem that writes there anyway would promise what does not happen. */
function select(machine: AgentMachine, name: string): AgentAnswer | undefined {
  const { system } = machine;
  if (isOemEncrypted(machine)) return undefined;
  const start = logLine(system, "INF", `Setting default boot entry to ${name}`);
  try {
    changeEnvFile(envFileAt(machine, GRUB_ENV), { next_entry: name });
  } catch (error) {
    const reason = reasonOf(error);
    const line = logLine(system, "ERR", `could not set default boot entry: ${reason}`);
    return failed([`${start}${line}${reason}`]);
  }
  return printed(`${start}${logLine(system, "INF", `Default boot entry set to ${name}`)}`);
}

function isOemEncrypted({ system }: AgentMachine): boolean {
  const { values } = readKairosConfig(system);
  const encrypted = valueAt(values, ["install", "encrypted_partitions"]);
  return isList(encrypted) && encrypted.includes(OEM_LABEL);
}

/** The ids of all entries, or the titles of those without one. Undefined when no menu can be read. */
function menuEntries(files: Files): readonly string[] | undefined {
  const menus = MENUS.map((path) => files.readText(path)).filter((text) => text !== undefined);
  return menus.length === 0 ? undefined : [...new Set(menus.flatMap(entriesOf))];
}

function entriesOf(menu: string): string[] {
  const lines = menu.match(/^\s*menuentry\s.*$/gm) ?? [];
  return lines.flatMap((line) => {
    const id = /\s--id[\s=]["']?(\w+)/.exec(line)?.[1];
    const title = /^\s*menuentry\s+(?:"([^"]+)"|'([^']+)')/.exec(line);
    return id ?? title?.[1] ?? title?.[2] ?? [];
  });
}
