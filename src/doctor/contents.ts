import { type Bootable, findBootable } from "../boot/image/bootable.ts";
import { readOsRelease } from "../boot/image/os-release.ts";
import { checkFileSystem, type FileSystem, openFileSystem } from "../ext4/mount.ts";
import type { FileNode } from "../layer/tree.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import { type BlockFile, readBlock } from "../system/block-file.ts";
import type { Machine } from "../machine/machine.ts";

/** A file system that tandem wrote, with every checksum of its metadata right, and a kernel in it. */
export interface FoundSystem {
  readonly kind: "system";
  readonly uuid: string;
  readonly label: string;
  readonly bootable: Bootable;
  readonly version: string | undefined;
}

/** What a slot holds, read from its bytes alone: neither the state nor the spec is used. */
export type SlotContents =
  | FoundSystem
  /** The place of the superblock is all zeros: an upgrade did not end, or the slot was never written. */
  | { readonly kind: "blank" }
  /** Something that tandem cannot read, or that cannot boot. */
  | { readonly kind: "other"; readonly why: string };

export type ContentsOfSlots = ReadonlyMap<SlotName, SlotContents>;

/** Reads what is in each slot of the disk. */
export function readContents(machine: Machine): ContentsOfSlots {
  const contents = new Map<SlotName, SlotContents>();
  for (const slot of SLOT_NAMES)
    if (machine.slots[slot] !== undefined) contents.set(slot, contentsOf(machine, slot));
  return contents;
}

function contentsOf(machine: Machine, slot: SlotName): SlotContents {
  try {
    const { block } = machine.openSlot(slot, { write: false });
    try {
      return isBlank(block) ? { kind: "blank" } : describe(openFileSystem(block), machine);
    } finally {
      block.close();
    }
  } catch (error) {
    // The file system is damaged, the medium cannot be read, or the system has no kernel.
    if (error instanceof TandemError) return { kind: "other", why: reasonOf(error) };
    throw error;
  }
}

function isBlank(block: BlockFile): boolean {
  return readBlock(block, 0, 4096).every((byte) => byte === 0);
}

function describe(fs: FileSystem, { system }: Machine): SlotContents {
  checkFileSystem(fs);
  const read = (node: FileNode): Uint8Array => fs.read(node);
  const bootable = findBootable(fs, system.architecture);
  const release = readOsRelease(fs.root, read);
  const version = release?.version ?? release?.prettyName;
  return { kind: "system", uuid: fs.uuid, label: fs.label, bootable, version };
}
