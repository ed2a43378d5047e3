import { type ConfigMap, type ConfigTree, isMap, valueAt } from "../../kairos/config-tree.ts";
import { yamlOf } from "../../kairos/lifecycle.ts";
import { type AgentAnswer, type AgentVerb, failed, INSTALL, printed } from "./agent-answer.ts";
import { isInMemory, readBootState } from "./boot-state.ts";
import { parseGoFlags } from "./go-flags.ts";
import { goText } from "./go-text.ts";
import { partitionState, type StateSystem } from "./partition-state.ts";
import { releaseValue } from "./release-value.ts";
import { machineUuid } from "./uuid.ts";

/** The parts of the state in the order of the original. Undefined: tandem cannot know it. */
const PARTS: Readonly<Record<string, (system: StateSystem) => ConfigTree | undefined>> = {
  uuid: machineUuid,
  persistent: (system) => partitionState(system, "COS_PERSISTENT"),
  recovery: (system) => partitionState(system, "COS_RECOVERY"),
  oem: (system) => partitionState(system, "COS_OEM"),
  state: (system) => partitionState(system, "COS_STATE"),
  boot: ({ files }) => readBootState(files),
  in_ram: ({ files }) => isInMemory(files.readText("/proc/cmdline") ?? ""),
  kairos: (system) => ({
    flavor: releaseValue(system.files, "FLAVOR") ?? "",
    version: releaseValue(system.files, "VERSION") ?? "",
    init: initSystem(system),
    secureboot: isSecureBoot(system),
  }),
};
/** What the original knows besides. Each covers all keys below it. */
const ONLY_IN_ORIGINAL = [
  "encrypted_partitions",
  "write_protected",
  "persistent_cow",
  "system",
  "addresses",
  "kairos.eficerts",
];
const SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const SYSTEMD = [
  "/run/systemd/system",
  "/sbin/systemctl",
  "/usr/bin/systemctl",
  "/usr/sbin/systemctl",
];
const OPENRC = ["/sbin/openrc", "/usr/sbin/openrc", "/bin/openrc", "/usr/bin/openrc"];

/** `state get KEY` prints one value, without a newline. `state` prints all: the original knows more of it. */
export const state: AgentVerb = ({ system, original }, { words }): AgentAnswer | undefined => {
  const [subcommand, key = ""] = parseGoFlags(words, {}).rest;
  if (subcommand === undefined)
    return original === undefined ? printed(yamlOf(stateTree(system))) : undefined;
  if (!["get", "g"].includes(subcommand)) return undefined;
  const value = stateValue(system, key);
  if (value !== undefined) return printed(value);
  if (original !== undefined) return undefined;
  const what = key === "" ? "the state without a KEY" : `"${key}" of the state`;
  return failed([
    `Cannot tell ${what}: tandem knows what is below ${Object.keys(PARTS).join(", ")}. ${INSTALL}`,
  ]);
};

/**
 * The answer to `state get KEY`, as the original prints it: "<nil>" for a key that it does not have. Undefined when
 * tandem cannot know the answer.
 */
export function stateValue(system: StateSystem, key: string): string | undefined {
  // Anything but words and dots is a program for jq.
  if (!/^\w+(?:\.\w+)*$/.test(key)) return undefined;
  if (ONLY_IN_ORIGINAL.some((name) => key === name || key.startsWith(`${name}.`))) return undefined;
  // It prints the certificates of the firmware as well.
  if (key === "kairos") return undefined;
  const [first = "", ...rest] = key.split(".");
  const part = Object.hasOwn(PARTS, first) ? PARTS[first] : undefined;
  if (part === undefined) return "<nil>";
  const value = part(system);
  return value === undefined || isBelowPlain(value, rest)
    ? undefined
    : goText(valueAt(value, rest));
}

/** The original fails for a key below a plain value, in words of its own. */
function isBelowPlain(value: ConfigTree, path: readonly string[]): boolean {
  const above = path.map((_, index) => valueAt(value, path.slice(0, index)));
  return above.some((tree) => tree !== undefined && !isMap(tree));
}

function stateTree(system: StateSystem): ConfigMap {
  const parts = Object.entries(PARTS).map(([name, part]) => [name, part(system)] as const);
  return Object.fromEntries(
    parts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function initSystem({ files }: StateSystem): string {
  if (SYSTEMD.some((path) => files.exists(path))) return "systemd";
  return OPENRC.some((path) => files.exists(path)) ? "openrc" : "unknown";
}

/** The variable has four bytes of attributes and one of value. */
function isSecureBoot({ files }: StateSystem): boolean {
  return files.readBytes(SECURE_BOOT)?.[4] === 1;
}
