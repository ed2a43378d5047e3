/**
 * A machine whose disk is in memory: a control partition, two slots and, if there is room, recovery, without a
 * partition table.
 */
import type { TandemEsp } from "../../src/boot/esp/choose-esp.ts";
import { grub } from "../../src/boot/grub/grub.ts";
import { formatControl } from "../../src/control/control.ts";
import { settled } from "../../src/control/decide.ts";
import { emptyState, withVerdict } from "../../src/control/state.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import type { Image } from "../../src/oci/manifest.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { LABELS } from "../../src/slot/labels.ts";
import type { Slot } from "../../src/slot/layout.ts";
import { parseCmdline } from "../../src/slot/cmdline.ts";
import { isPartitionSlot, type PartitionSlot, type SlotName } from "../../src/slot/slot.ts";
import type { LayeredSource } from "../../src/source/source.ts";
import { type BlockFile, part } from "../../src/system/block-file.ts";
import type { RebootOptions } from "../../src/system/reboot.ts";
import type { System } from "../../src/system/system.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { runUpgrade } from "../../src/upgrade/run.ts";
import { layeredContent } from "../../src/write/layered-content.ts";
import { controlIn } from "./control.ts";
import { tar, type TarMember } from "../peers/tar.ts";
import { memoryFiles } from "./files.ts";
import { initrdOf, kernelOf } from "./boot-files.ts";

const SLOT_BYTES = 8 * MiB;
const CONTROL = { offsetBytes: 0, sizeBytes: MiB };
const SLOTS = { a: MiB, b: MiB + SLOT_BYTES, recovery: MiB + 2 * SLOT_BYTES } as const;

export const DISK_BYTES: number = MiB + 2 * SLOT_BYTES;
export const RECOVERY_DISK_BYTES: number = DISK_BYTES + SLOT_BYTES;

/** A disk without an EFI system partition. */
export const NO_ESP: TandemEsp = { open: () => undefined, seen: () => undefined };

/** now() advances a second with each call, so every run is equal. The monotonic clock stands still. */
export function memorySystem(): System & { readonly reboots: RebootOptions[] } {
  let seconds = 0;
  const reboots: RebootOptions[] = [];
  return {
    files: memoryFiles({}),
    durable: {
      list: () => undefined,
      create: refuse,
      read: refuse,
      remove: refuse,
      makeFolder: refuse,
      freeBytes: refuse,
      device: () => undefined,
    },
    mounted: {
      stat: () => undefined,
      read: refuse,
      create: refuse,
      write: refuse,
      link: refuse,
      rename: refuse,
      remove: refuse,
      makeFolder: refuse,
      flush: refuse,
    },
    mounts: {
      ownFolder: "/run/tandem/1",
      mount: refuse,
      mountFile: refuse,
      bind: refuse,
      makeWritable: refuse,
      unmount: refuse,
      backingOf: refuse,
      allocate: refuse,
      tryLock: refuse,
    },
    probe: { freeBytes: refuse, httpStatus: refuse, connect: refuse, pause: refuse },
    architecture: "amd64",
    environment: {},
    cores: 1,
    userId: 0,
    now: () => new Date(1000 * (seconds += 1)),
    monotonicMs: () => 0,
    isExecutable: () => false,
    isSelf: () => false,
    readLink: () => undefined,
    absolute: (path) => path,
    openBlock: refuse,
    createBlock: refuse,
    lock: () => Promise.resolve({ release() {} }),
    kernelLog: refuse,
    run: refuse,
    replaceFile: refuse,
    replaceLink: refuse,
    openWatchdog: () => undefined,
    endAfter() {},
    reboot: (options) => {
      reboots.push(options);
      return Promise.resolve();
    },
    reboots,
  };
}

function refuse(): never {
  throw new Error("the machine in memory has no such thing");
}

/** Opens an existing disk. `cmdline` is the kernel command line of the booted slot. */
export function memoryMachine(
  disk: BlockFile,
  cmdline = "",
  system: System = memorySystem(),
): Machine {
  const boot = parseCmdline(cmdline);
  const control = controlIn(controlOf(disk));
  return {
    system,
    diskPath: disk.name,
    slots: {
      a: slotAt("a", 2),
      b: slotAt("b", 3),
      ...(disk.sizeBytes < RECOVERY_DISK_BYTES ? {} : { recovery: slotAt("recovery", 4) }),
    },
    booted: boot.slot,
    bootedBy: boot.slot && "loader",
    cmdline: boot,
    ...control,
    loader: grub.open({ loaderData: control.loaderData, loaderDataAddress: "1", esp: NO_ESP }),
    loaderSeen: "it is in memory",
    esp: NO_ESP,
    staging: undefined,
    limit: undefined,
    openSlot: (slot) => ({ block: slotOf(disk, slot), path: undefined, offsetBytes: 0 }),
    close() {},
  };
}

export function slotOf(disk: BlockFile, slot: SlotName): BlockFile {
  if (!isPartitionSlot(slot)) throw new Error(`The disk has no slot ${slot}`);
  return part(disk, { name: `slot ${slot}`, offsetBytes: SLOTS[slot], sizeBytes: SLOT_BYTES });
}

export function controlOf(disk: BlockFile): BlockFile {
  return part(disk, { name: "control", ...CONTROL });
}

/** A bootable system with one layer. `version` makes systems different. */
export function memorySource(
  version: string,
  more: readonly TarMember[] = [],
): LayeredSource & { readonly digest: string } {
  const bytes = tar([
    { path: "boot/vmlinuz", data: kernelOf(`kernel of ${version} `.repeat(1000)) },
    { path: "boot/initrd", data: initrdOf(`initrd of ${version} `.repeat(1000)) },
    { path: "etc/os-release", data: `VERSION=${version}\n` },
    ...more,
  ]);
  const digest = digestOf(bytes);
  const layer = {
    digest,
    diffId: digest,
    sizeBytes: bytes.byteLength,
    mediaType: "application/vnd.oci.image.layer.v1.tar",
  };
  const image: Image = {
    digest,
    architecture: "amd64",
    os: "linux",
    labels: {},
    layers: [layer],
    documents: [],
  };
  return {
    kind: "layers",
    name: `memory:${version}`,
    recipe: undefined,
    digest,
    image: () => Promise.resolve(image),
    async *blob() {
      yield bytes.slice();
      await Promise.resolve();
    },
    close() {},
  };
}

/** Makes the control partition, and writes `version` to slot a, which is good. */
export async function install(disk: BlockFile, version: string, limit = 0): Promise<void> {
  await formatControl(controlIn(controlOf(disk)), {
    record: settled("a", { limit, bootable: [] }),
    state: emptyState(),
  });
  const machine = memoryMachine(disk);
  const source = memorySource(version);
  const steps = (["erase", "write", "read-back", "describe"] as const).map((kind) => ({
    kind,
    slot: "a" as const,
  }));
  await runUpgrade(
    {
      machine,
      content: layeredContent(source, await source.image()),
      slot: "a",
      jobs: 1,
      talk: SILENT,
      signal: new AbortController().signal,
    },
    steps,
  );
  const verdict = {
    result: "good",
    reason: "installed",
    at: machine.system.now().toISOString(),
  } as const;
  await machine.memory.writeState(withVerdict(machine.memory.state, "a", verdict));
}

function slotAt(name: PartitionSlot, number: number): Slot {
  const partuuid = `00000000-0000-4000-8000-00000000000${number}`;
  return { sizeBytes: SLOT_BYTES, address: { part: `${number}`, partuuid }, label: LABELS[name] };
}
