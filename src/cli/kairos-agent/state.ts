import { parseAssignments } from "../../boot/image/os-release.ts";
import type { System } from "../../system/system.ts";
import { isInMemory, readBootState } from "./boot-state.ts";

type StateSystem = Pick<System, "files" | "readLink">;

const LABELS = "/dev/disk/by-label";
const OEM_LABEL = "COS_OEM";

/** What can be answered without the layout of the disk. A string is printed, undefined cannot be known. */
const ANSWERS: Readonly<Record<string, (system: StateSystem) => string | undefined>> = {
  boot: ({ files }) => readBootState(files),
  in_ram: ({ files }) => `${isInMemory(files.readText("/proc/cmdline") ?? "")}`,
  "kairos.flavor": (system) => release(system, "KAIROS_FLAVOR"),
  "kairos.version": (system) => release(system, "KAIROS_VERSION"),
  "oem.found": (system) => {
    const name = oemName(system);
    return name === undefined ? undefined : `${name !== ""}`;
  },
  "oem.name": oemName,
};

/** The keys that tandem can answer. */
export const STATE_KEYS: readonly string[] = Object.keys(ANSWERS);

/** What the original knows besides. Each covers all keys below it. */
const ONLY_IN_ORIGINAL = [
  "uuid persistent recovery state encrypted_partitions write_protected persistent_cow system addresses",
  "kairos.init kairos.secureboot kairos.eficerts",
  ..."mounted label filesystemlabel mount_point size_bytes type read_only uuid"
    .split(" ")
    .map((name) => `oem.${name}`),
].flatMap((names) => names.split(" "));

/**
 * The answer to `state get KEY`, as the original prints it: "<nil>" for a key that it does not have. Undefined when
 * tandem cannot know the answer.
 */
export function stateValue(system: StateSystem, key: string): string | undefined {
  const answer = ANSWERS[key];
  if (answer !== undefined) return answer(system);
  const isKnown = [...ONLY_IN_ORIGINAL, "kairos", "oem"].some((name) => key === name);
  const isBelow = [...ONLY_IN_ORIGINAL, ...Object.keys(ANSWERS)].some((name) =>
    key.startsWith(`${name}.`),
  );
  // Anything but words and dots is a program for jq.
  const isPlain = /^\w+(?:\.\w+)*$/.test(key);
  return isKnown || isBelow || !isPlain ? undefined : "<nil>";
}

function release({ files }: StateSystem, name: string): string {
  return parseAssignments(files.readText("/etc/kairos-release") ?? "").get(name) ?? "";
}

/** The device of the OEM partition. "" when there is none; undefined when nothing names the devices by their labels. */
function oemName({ files, readLink }: StateSystem): string | undefined {
  const target = readLink(`${LABELS}/${OEM_LABEL}`);
  if (target !== undefined) return `/dev/${target.split("/").at(-1)}`;
  return files.list(LABELS).length === 0 ? undefined : "";
}
