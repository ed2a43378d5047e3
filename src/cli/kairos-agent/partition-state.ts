import { parseMounts } from "../../slot/mounts.ts";
import type { System } from "../../system/system.ts";

export type StateSystem = Pick<System, "files" | "readLink" | "environment">;

/** What `state` tells of a partition, with the keys of the original in its order. */
export type PartitionState = Readonly<Record<string, string | number | boolean>>;

const LABELS = "/dev/disk/by-label";
const SECTOR_BYTES = 512;

/** The partition with this file-system label. Undefined when nothing names the devices by their labels. */
export function partitionState(system: StateSystem, label: string): PartitionState | undefined {
  const { files, readLink } = system;
  const target = readLink(`${LABELS}/${label}`);
  if (target === undefined) return files.list(LABELS).length === 0 ? undefined : stateOf({});
  const name = target.split("/").at(-1) ?? "";
  const attribute = (file: string): string =>
    (files.readText(`/sys/class/block/${name}/${file}`) ?? "").trim();
  const device = attribute("dev");
  // Folders of COS_PERSISTENT are mounted in many places.
  const mount = parseMounts(files.readText("/proc/self/mountinfo") ?? "").find(
    (one) => one.device === device && one.root === "/",
  );
  const udev = udevProperties(files.readText(`/run/udev/data/b${device}`) ?? "");
  return stateOf({
    mounted: mount !== undefined,
    name: `/dev/${name}`,
    label: udev("ID_PART_ENTRY_NAME"),
    filesystemlabel: label,
    mount_point: mount?.path ?? "",
    size_bytes: Number(attribute("size")) * SECTOR_BYTES,
    type: udev("ID_FS_TYPE"),
    read_only: mount?.isReadOnly ?? attribute("ro") === "1",
    found: true,
    uuid: udev("ID_PART_ENTRY_UUID"),
  });
}

function stateOf(known: PartitionState): PartitionState {
  return {
    mounted: false,
    name: "",
    label: "",
    filesystemlabel: "",
    mount_point: "",
    size_bytes: 0,
    type: "",
    read_only: false,
    found: false,
    uuid: "",
    ...known,
  };
}

/** The lines "E:NAME=value" of udev's database. */
function udevProperties(text: string): (name: string) => string {
  const values = new Map(
    [...text.matchAll(/^E:(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
  return (name) => values.get(name) ?? "";
}
