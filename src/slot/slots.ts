import {
  ESP_TYPE_GUID,
  findPartition,
  overlapping,
  readGpt,
  type Gpt,
  type Partition,
} from "../disk/gpt.ts";
import { TandemError } from "../lib/error.ts";
import { type Access, part, type BlockFile } from "../system/block-file.ts";
import { kernelNameOf, kernelPartition, nodeOf, type Devices } from "./block-device.ts";
import { bootFacts, findBootDisk, type BootFacts } from "./boot-disk.ts";
import type { Cmdline } from "./cmdline.ts";
import { type Mount, parseMounts } from "./mounts.ts";
import { SLOT_NAMES, type SlotName } from "./slot.ts";

/** The PARTLABEL of each partition. */
export type Labels = Readonly<Record<SlotName | "control", string>> & {
  /** undefined: an EFI system partition is found by its type. */
  readonly esp?: string | undefined;
};

export const LABELS: Labels = {
  control: "tandem-control",
  a: "tandem-a",
  b: "tandem-b",
  recovery: "tandem-recovery",
};

/** Where the bytes of a partition are reached. */
export interface Place {
  /** A device node or a plain file. */
  readonly path: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** The slots of one disk. */
export interface Slots {
  readonly diskPath: string;
  readonly gpt: Gpt;
  readonly control: Partition;
  readonly slots: Readonly<Partial<Record<SlotName, Partition>>>;
  /** The EFI system partitions in the order of the table: the one that is configured, else all of the disk. */
  readonly esps: readonly Partition[];
  /** undefined: this machine does not run from that disk, or from none of its slots. */
  readonly booted: SlotName | undefined;
  /** What `booted` was seen by: the mounted root, or the boot loader's word. */
  readonly bootedBy: "mount" | "partuuid" | undefined;
  /** How the machine came up, from this disk or another. */
  readonly cmdline: Cmdline;
  /** A partition's own device node where the kernel has one: its cache is not the whole disk's. */
  place(partition: Partition): Place;
  /** Where the kernel has it mounted now. */
  mountsOf(partition: Partition): readonly Mount[];
  /** Opens a partition; the caller closes it. What is opened for writing is held. Throws `disk`, also when it is in use then. */
  open(partition: Partition, options: Access): BlockFile;
}

export interface SlotsOptions {
  /** A block device or a plain file. undefined: the disk that this machine runs from. */
  readonly disk?: string | undefined;
  readonly labels?: Labels;
}

/** Finds the slots on the one disk. Throws `disk` when it is not laid out for tandem. */
export function openSlots(devices: Devices, { disk, labels = LABELS }: SlotsOptions = {}): Slots {
  const facts = bootFacts(devices);
  const diskPath = disk ?? nodeOf(findBootDisk(devices, facts));
  const diskName = kernelNameOf(devices, diskPath);
  const gpt = readTable(devices, diskPath);
  const layout = findLayout(gpt, labels);
  const booted = findBooted(layout.slots, diskName, facts);
  refuseContradiction(booted?.slot, facts.cmdline.slot);
  const place = (partition: Partition): Place =>
    placeOf(devices, { diskPath, diskName }, partition);
  return {
    ...layout,
    diskPath,
    gpt,
    booted: booted?.slot,
    bootedBy: booted?.by,
    cmdline: facts.cmdline,
    place,
    mountsOf: (partition) => mountsOf(devices, diskName, partition),
    open(partition, access) {
      if (access.write) refuseMounted(diskPath, partition, mountsOf(devices, diskName, partition));
      const name = nameOf(diskPath, partition);
      return openPlace(devices, place(partition), { ...access, hold: access.write, name });
    },
  };
}

type Layout = Pick<Slots, "control" | "slots" | "esps">;

function readTable(devices: Devices, diskPath: string): Gpt {
  const disk = devices.openBlock(diskPath, { write: false });
  try {
    return readGpt(disk);
  } finally {
    disk.close();
  }
}

function findLayout(gpt: Gpt, labels: Labels): Layout {
  const control = required(gpt, labels.control);
  const [a, b] = [required(gpt, labels.a), required(gpt, labels.b)];
  const recovery = findPartition(gpt, labels.recovery);
  const slots = { a, b, ...(recovery === undefined ? {} : { recovery }) };
  for (const partition of [control, ...Object.values(slots)]) {
    refuseOverlap(gpt, partition);
    refuseSameGuid(gpt, partition);
  }
  return { control, slots, esps: findEsps(gpt, labels.esp) };
}

function findEsps(gpt: Gpt, label: string | undefined): readonly Partition[] {
  if (label === undefined) return gpt.partitions.filter(isEsp);
  const esp = required(gpt, label);
  if (isEsp(esp)) return [esp];
  throw new TandemError(
    "disk",
    `Cannot use partition "${label}" on ${gpt.diskName}: its type is not that of an EFI system partition`,
    { hint: "Name another one in the configuration: labels: { esp: LABEL }." },
  );
}

function isEsp({ typeGuid }: Partition): boolean {
  return typeGuid === ESP_TYPE_GUID;
}

function required(gpt: Gpt, label: string): Partition {
  const partition = findPartition(gpt, label);
  if (partition !== undefined) return partition;
  const found = gpt.partitions.map((other) => `"${other.label}"`).join(", ");
  throw new TandemError(
    "disk",
    `Cannot find partition "${label}" on ${gpt.diskName}: found ${found === "" ? "no partitions" : found}`,
    { hint: "Name another disk with --disk, or the labels in the configuration." },
  );
}

function refuseOverlap(gpt: Gpt, partition: Partition): void {
  const others = overlapping(gpt, partition);
  if (others.length > 0)
    throw new TandemError(
      "disk",
      `Cannot use partition "${partition.label}" on ${gpt.diskName}: it overlaps ${others.map(({ number }) => `partition ${number}`).join(" and ")}`,
    );
}

/** Loader and kernel find a root by its unique GUID, and would take the first one. */
function refuseSameGuid(gpt: Gpt, { label, number, uuid }: Partition): void {
  const twin = gpt.partitions.find((other) => other.number !== number && other.uuid === uuid);
  if (twin === undefined) return;
  throw new TandemError(
    "disk",
    `Cannot use partition "${label}" on ${gpt.diskName}: partitions ${number} and ${twin.number} have the same unique GUID ${uuid}`,
    { hint: `Give one of them another: sgdisk --partition-guid=${twin.number}:R ${gpt.diskName}.` },
  );
}

function findBooted(
  slots: Slots["slots"],
  diskName: string | undefined,
  { root, cmdline }: BootFacts,
): { readonly slot: SlotName; readonly by: "mount" | "partuuid" } | undefined {
  // No machine runs from a plain file.
  if (diskName === undefined) return undefined;
  // A copy of the disk has the same partition numbers and unique GUIDs: the mounted root tells them apart.
  if (root !== undefined && root.disk !== diskName) return undefined;
  const by = root === undefined ? "partuuid" : "mount";
  const slot = SLOT_NAMES.find((name) => {
    const partition = slots[name];
    if (partition === undefined) return false;
    return root === undefined
      ? partition.uuid === cmdline.rootPartuuid
      : partition.number === root.number;
  });
  return slot === undefined ? undefined : { slot, by };
}

/** Where loader and kernel disagree on what runs, writing to "the other slot" could hit the running one. */
function refuseContradiction(booted: SlotName | undefined, said: SlotName | undefined): void {
  if (booted !== undefined && said !== undefined && booted !== said)
    throw new TandemError(
      "disk",
      `Cannot tell which slot runs: the root is on slot ${booted}, the boot loader says slot ${said}`,
    );
}

interface Disk {
  readonly diskPath: string;
  readonly diskName: string | undefined;
}

function placeOf(devices: Devices, { diskPath, diskName }: Disk, partition: Partition): Place {
  const { number, offsetBytes, sizeBytes } = partition;
  const known = diskName === undefined ? undefined : kernelPartition(devices, diskName, number);
  if (known === undefined) return { path: diskPath, offsetBytes, sizeBytes };
  if (known.offsetBytes !== offsetBytes || known.sizeBytes !== sizeBytes)
    throw new TandemError(
      "disk",
      `Cannot use partition ${number} of ${diskPath}: the kernel has it at ${known.offsetBytes}+${known.sizeBytes}, the partition table at ${offsetBytes}+${sizeBytes}`,
      { hint: "The table was changed while the disk was in use: reboot first." },
    );
  return { path: known.path, offsetBytes: 0, sizeBytes };
}

/** A plain file is never mounted by itself, only through a loop device, which is a disk of its own. */
function mountsOf(
  devices: Devices,
  diskName: string | undefined,
  { number }: Partition,
): readonly Mount[] {
  if (diskName === undefined) return [];
  const device = kernelPartition(devices, diskName, number)?.device;
  const mounts = parseMounts(devices.files.readText("/proc/self/mountinfo") ?? "");
  return mounts.filter((mount) => mount.device === device);
}

function refuseMounted(diskPath: string, partition: Partition, [mount]: readonly Mount[]): void {
  if (mount !== undefined)
    throw new TandemError(
      "disk",
      `Cannot write partition "${partition.label}" of ${diskPath}: it is mounted at ${mount.path}`,
      { hint: "Unmount it first." },
    );
}

function openPlace(
  devices: Devices,
  { path, offsetBytes, sizeBytes }: Place,
  { name, ...access }: Access & { readonly name: string },
): BlockFile {
  const file = devices.openBlock(path, access);
  return { ...part(file, { name, offsetBytes, sizeBytes }), close: () => file.close() };
}

function nameOf(diskPath: string, { label }: Partition): string {
  return `${label} on ${diskPath}`;
}
