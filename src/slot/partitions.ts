/** The layout `partitions`: a GPT with one partition for each slot, and the control partition. */
import {
  ESP_TYPE_GUID,
  findPartition,
  overlapping,
  type Gpt,
  type Partition,
} from "../disk/gpt.ts";
import { LABEL_BYTES_MAX } from "../ext4/superblock.ts";
import { defined } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import type { BlockFile } from "../system/block-file.ts";
import { errnoOf } from "../system/failure.ts";
import type { AddressForm, SlotAddress } from "./address.ts";
import { nodeOf, type Devices } from "./block-device.ts";
import { bootFacts, findBootDisk, type BootFacts } from "./boot-disk.ts";
import { type Labels, LABELS } from "./labels.ts";
import type { ControlPlaces, DiskOptions, EspPlace, Layout, LayoutKind, Slot } from "./layout.ts";
import { PartitionedDisk } from "./partitioned-disk.ts";
import { examineTable } from "./partition-table.ts";
import { PARTITION_SLOTS, type SlotName } from "./slot.ts";

export const partitions: LayoutKind = {
  name: "partitions",
  isOn(devices, options) {
    try {
      open(devices, options);
      return true;
    } catch (error) {
      if (error instanceof TandemError) return false;
      throw error;
    }
  },
  open,
  examine: (devices, diskPath) => examineTable((access) => devices.openBlock(diskPath, access)),
};

const NUMBER_MAX = 1024;
const PARTUUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** GRUB finds a slot by the number of the partition, the kernel by its unique GUID. */
export const PARTITION_ADDRESS: AddressForm = {
  names: ["part", "partuuid"],
  flaw({ part = "", partuuid = "" }) {
    if (!/^[1-9][0-9]{0,3}$/.test(part) || Number(part) > NUMBER_MAX) return `part is "${part}"`;
    return PARTUUID.test(partuuid) ? undefined : `partuuid is "${partuuid}"`;
  },
  text: ({ part, partuuid }) => `partition ${part} (${partuuid})`,
  rootOption: ({ partuuid }) => `root=PARTUUID=${partuuid}`,
};

function open(devices: Devices, { disk: path, labels = LABELS }: DiskOptions): Layout {
  const facts = bootFacts(devices);
  const disk = new PartitionedDisk(devices, path ?? nodeOf(findBootDisk(devices, facts)));
  const { control, slots, esps } = findParts(disk.gpt, labels);
  const booted = findBooted(slots, disk.kernelName, facts);
  refuseContradiction(booted?.slot, facts.cmdline.slot);
  const list = disk.gpt.partitions.map(({ number, label }) => `${number} "${label}"`);
  return {
    diskPath: disk.path,
    description: list.join(", "),
    slots: mapSlots(slots),
    addressForm: PARTITION_ADDRESS,
    booted: booted?.slot,
    bootedBy: booted?.by,
    cmdline: facts.cmdline,
    esps: esps.map((esp) => espPlace(disk, esp)),
    loaderDataAddress: `${control.number}`,
    openSlot(slot, access) {
      const partition = defined(slots[slot], `slot ${slot}`);
      const { path: node, offsetBytes } = disk.place(partition);
      return { block: disk.open(partition, access), path: node, offsetBytes };
    },
    openControl: (access) => openControl(disk, control, access),
  };
}

interface Parts {
  readonly control: Partition;
  readonly slots: Readonly<Partial<Record<SlotName, Partition>>>;
  readonly esps: readonly Partition[];
}

function mapSlots(slots: Parts["slots"]): Layout["slots"] {
  const entries = PARTITION_SLOTS.flatMap((name) => {
    const partition = slots[name];
    if (partition === undefined) return [];
    const { number, uuid, sizeBytes } = partition;
    const address: SlotAddress = { part: `${number}`, partuuid: uuid };
    // A file system by tandem always has the default label of its slot.
    const label = LABELS[name].slice(0, LABEL_BYTES_MAX);
    return [[name, { sizeBytes, address, label } satisfies Slot]] as const;
  });
  return Object.fromEntries(entries);
}

function espPlace(disk: PartitionedDisk, esp: Partition): EspPlace {
  return {
    name: `partition ${esp.number}`,
    label: esp.label,
    uuid: esp.uuid,
    mounts: () => disk.mountsOf(esp),
    open: (access) => disk.open(esp, access),
  };
}

/** The program that holds the control partition has the lock on the disk, under each name of the disk. */
function openControl(
  disk: PartitionedDisk,
  control: Partition,
  access: { readonly write: boolean },
): ControlPlaces {
  try {
    const block: BlockFile = disk.open(control, access);
    return { loaderData: block, memory: { block }, close: () => block.close() };
  } catch (error) {
    if (!(error instanceof TandemError) || errnoOf(error.cause) !== "EBUSY") throw error;
    throw new TandemError(
      "locked",
      `Cannot lock ${disk.path}: another run or program holds its partition "${control.label}"`,
      { cause: error, hint: "Wait until it has ended, or end it." },
    );
  }
}

function findParts(gpt: Gpt, labels: Labels): Parts {
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

/** Boot loader and kernel find a root by its unique GUID. Of two partitions with the same GUID they take the first. */
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
  slots: Parts["slots"],
  diskName: string | undefined,
  { root, cmdline }: BootFacts,
): { readonly slot: SlotName; readonly by: "mount" | "loader" } | undefined {
  // A machine never runs from a plain file.
  if (diskName === undefined) return undefined;
  // A copy of the disk has the same partition numbers and GUIDs. Only the mounted root tells the two disks apart.
  if (root !== undefined && root.disk !== diskName) return undefined;
  const by = root === undefined ? "loader" : "mount";
  const slot = PARTITION_SLOTS.find((name) => {
    const partition = slots[name];
    if (partition === undefined) return false;
    return root === undefined
      ? partition.uuid === cmdline.rootPartuuid
      : partition.number === root.number;
  });
  return slot === undefined ? undefined : { slot, by };
}

/** When boot loader and kernel disagree on the booted slot, a write to "the other slot" could hit the running one. */
function refuseContradiction(booted: SlotName | undefined, said: SlotName | undefined): void {
  if (booted !== undefined && said !== undefined && booted !== said)
    throw new TandemError(
      "disk",
      `Cannot tell which slot runs: the root is on slot ${booted}, the boot loader says slot ${said}`,
    );
}
