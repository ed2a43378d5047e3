import type { WriteTarget } from "../disk/write-target.ts";
import type { Finding } from "../lib/finding.ts";
import type { BlockFile } from "../system/block-file.ts";
import type { AddressForm, SlotAddress } from "./address.ts";
import type { Devices } from "./block-device.ts";
import type { Cmdline } from "./cmdline.ts";
import type { Labels } from "./labels.ts";
import type { Mount } from "./mounts.ts";
import type { SlotName } from "./slot.ts";

/** Which disk to open, and the labels on it. */
export interface DiskOptions {
  /** A block device or a plain file. Undefined for the disk that this machine runs from. */
  readonly disk?: string | undefined;
  readonly labels?: Labels;
}

/** A way to keep slots on a disk. layouts.ts has the table of all layouts. */
export interface LayoutKind {
  /** For people. It is also the subject of a finding about the layout. */
  readonly name: string;
  /** Whether the disk is laid out in this way. Never throws: a disk that cannot be read is not laid out in any way. */
  isOn(devices: Devices, options: DiskOptions): boolean;
  /** Throws "disk" when the disk is not known, or lacks a part of the layout. */
  open(devices: Devices, options: DiskOptions): Layout;
  /**
   * Findings of doctor about what `open` needs, such as the partition table. Throws "disk" when the disk cannot be
   * read.
   */
  examine(devices: Devices, diskPath: string): Finding[];
}

/** A slot of an opened disk. */
export interface Slot {
  readonly sizeBytes: number;
  readonly address: SlotAddress;
  /** The label of the file system that tandem makes in the slot. */
  readonly label: string;
  /** The UUID of the file system in an image file. What is known of a system follows its file by it. */
  readonly uuid?: string | undefined;
}

/** An EFI system partition of the disk. */
export interface EspPlace {
  /** The name in messages: "partition 1". */
  readonly name: string;
  readonly label: string;
  /** The unique GUID in lower case. Firmware and boot loaders name the partition by it. */
  readonly uuid: string;
  /** Where the kernel has the partition mounted now. */
  mounts(): readonly Mount[];
  /** The caller closes the block file. Opening for writing holds the device. Throws "disk", also when it is in use. */
  open(access: { readonly write: boolean }): BlockFile;
}

/**
 * A new system that is written beside the old ones, and takes its slot in the end. It needs the control places, opened
 * for writing.
 */
export interface StagedSystem {
  /** For messages, and for programs that change the new system. */
  readonly path: string;
  /** The label that its file system must have. */
  readonly label: string;
  /**
   * Makes a file of zeros whose blocks are reserved; what an earlier run has left is removed first. Throws "no-space"
   * with the numbers.
   */
  allocate(sizeBytes: number): void;
  /** The caller closes the block file. Opening for writing refuses a file that is mounted. Throws "disk". */
  open(access: { readonly write: boolean }): WriteTarget;
  /**
   * The new system takes its slot. All of it must be on the medium. The active system becomes the passive one, or is
   * given up with `keepPassive`. Each power cut leaves whole systems; Staging.finish() continues. Throws "disk".
   */
  promote(options: { readonly keepPassive: boolean }): void;
  /** Does nothing when there is no such file. */
  remove(): void;
}

/** Folders of mounted file systems whose files a boot loader reads. They can be used while the places are open. */
export interface BootFolders {
  readonly state: string;
  /** Undefined when the boot loader cannot read that partition, or when there is none. */
  readonly oem: string | undefined;
  /** Whether the new system has taken its slot, or there is none. */
  isSwapped(): boolean;
}

/** The places of the boot record, the boot specs and tandem's memory, opened. */
export interface ControlPlaces {
  /** Boot record and boot specs, at the offsets in control/loader-data.ts. */
  readonly loaderData: BlockFile;
  /** The state: on a block device behind the loader's data, or in the files of a folder. */
  readonly memory: { readonly block: BlockFile } | { readonly folder: string };
  /** Only for a layout whose boot loader reads files of mounted file systems. */
  readonly folders?: BootFolders;
  close(): void;
}

/** The slots of image files that an upgrade writes. Their names are those of the files. */
export type StagedSlot = "active" | "recovery";

/** What only a layout has in which a new system is written beside the old ones. The control places must be open. */
export interface Staging {
  /** The new system that will take this slot. Only one can be written at a time. Throws "disk". */
  stage(slot: StagedSlot): StagedSystem;
  /**
   * The UUID of the file system in each slot that has one. The state of a slot follows its file by it: roles move
   * between files, and other tools write them, too. Throws "disk".
   */
  uuids(): Readonly<Partial<Record<SlotName, string>>>;
  /** Finishes what an interrupted promote() has left. The control places must be open for writing. Throws "disk". */
  finish(): void;
}

/**
 * The slots of one opened disk. A layout does not decide what boots next: the boot record names slots, the boot loader
 * follows the record, and control/next-boot.ts computes the next boot from it. A boot loader with files of its own
 * translates the record into them, as systemd-boot does.
 */
export interface Layout {
  /** A block device or a plain file. Messages name it, and flock(2) locks it. */
  readonly diskPath: string;
  /** What is on the disk, for people: the partitions and their labels. */
  readonly description: string;
  readonly slots: Readonly<Partial<Record<SlotName, Slot>>>;
  readonly addressForm: AddressForm;
  /** Undefined when this machine does not run from a slot of this disk. */
  readonly booted: SlotName | undefined;
  /** How `booted` is known: by the mounted root, or by the kernel command line from the boot loader. */
  readonly bootedBy: "mount" | "loader" | undefined;
  /** The kernel command line of this machine, which may run from another disk. */
  readonly cmdline: Cmdline;
  /** The EFI system partition that is configured, else all of the disk in their order. */
  readonly esps: readonly EspPlace[];
  /** Undefined: a new system is written over an old one. */
  readonly staging?: Staging | undefined;
  /** How the configuration of the boot loader names the place of its data. For `partitions`: the number of one. */
  readonly loaderDataAddress: string;
  /** The caller closes the block file. Opening for writing holds the slot. Throws "disk", also when it is in use. */
  openSlot(slot: SlotName, access: { readonly write: boolean }): WriteTarget;
  /**
   * Opening for writing locks the disk, under each of its names. Throws "disk", and "locked" when another run has it.
   */
  openControl(access: { readonly write: boolean }): ControlPlaces;
}
