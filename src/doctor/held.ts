import { type Bootable, findBootable } from "../boot/image/bootable.ts";
import { readOsRelease } from "../boot/image/os-release.ts";
import { checkFileSystem, type FileSystem, openFileSystem } from "../ext4/mount.ts";
import type { FileNode } from "../layer/tree.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import { type BlockFile, readBlock } from "../system/block-file.ts";
import type { Machine } from "../machine/machine.ts";

/** A file system that tandem wrote, with every checksum of its metadata right, and a kernel in it. */
export interface HeldSystem {
  readonly kind: "system";
  readonly uuid: string;
  readonly label: string;
  readonly bootable: Bootable;
  readonly version: string | undefined;
}

/** What is in a slot, as its bytes tell: state and spec are not asked. */
export type Held =
  | HeldSystem
  /** All zeros where a superblock would be, as an upgrade leaves it that did not come to its end. */
  | { readonly kind: "blank" }
  /** Something that doctor cannot read, or that cannot boot. */
  | { readonly kind: "other"; readonly why: string };

export type HeldSlots = ReadonlyMap<SlotName, Held>;

/** Looks into every slot of the disk. Writes nothing. */
export function lookIntoSlots(machine: Machine): HeldSlots {
  const held = new Map<SlotName, Held>();
  for (const slot of SLOT_NAMES)
    if (machine.slots[slot] !== undefined) held.set(slot, lookInto(machine, slot));
  return held;
}

function lookInto(machine: Machine, slot: SlotName): Held {
  try {
    const { block } = machine.openSlot(slot, { write: false });
    try {
      return isBlank(block) ? { kind: "blank" } : describe(openFileSystem(block), machine);
    } finally {
      block.close();
    }
  } catch (error) {
    // Damage, a medium that cannot be read, a system without a kernel.
    if (error instanceof TandemError) return { kind: "other", why: reasonOf(error) };
    throw error;
  }
}

function isBlank(block: BlockFile): boolean {
  return readBlock(block, 0, 4096).every((byte) => byte === 0);
}

function describe(fs: FileSystem, { system }: Machine): Held {
  checkFileSystem(fs);
  const read = (node: FileNode): Uint8Array => fs.read(node);
  const bootable = findBootable(fs, system.architecture);
  const release = readOsRelease(fs.root, read);
  const version = release?.version ?? release?.prettyName;
  return { kind: "system", uuid: fs.uuid, label: fs.label, bootable, version };
}
