import type { WriteTarget } from "../disk/write-target.ts";
import type { Finding } from "../lib/finding.ts";
import type { BlockFile } from "../system/block-file.ts";
import type { AddressForm, SlotAddress } from "./address.ts";
import type { Devices } from "./block-device.ts";
import type { Cmdline } from "./cmdline.ts";
import type { Labels } from "./labels.ts";
import type { Mount } from "./mounts.ts";
import type { SlotName } from "./slot.ts";

/** Which disk, and how it is labelled. */
export interface DiskOptions {
  /** A block device or a plain file. undefined: the disk that this machine runs from. */
  readonly disk?: string | undefined;
  readonly labels?: Labels;
}

/** A way to keep slots on a disk. layouts.ts has the table of all. */
export interface LayoutKind {
  /** Also the subject of its findings. */
  readonly name: string;
  /** Whether the disk is laid out in this way. Never throws: a disk that cannot be read is not. */
  isOn(devices: Devices, options: DiskOptions): boolean;
  /** Throws `disk` when there is no telling which disk is meant, or something is missing on it. */
  open(devices: Devices, options: DiskOptions): Layout;
  /** What has to be right before the disk can be opened at all. Throws `disk` when the disk cannot be read. */
  examine(devices: Devices, diskPath: string): Finding[];
}

/** A slot of an opened disk. */
export interface Slot {
  readonly sizeBytes: number;
  readonly address: SlotAddress;
}

/** An EFI system partition of the disk. */
export interface EspPlace {
  /** What messages call it: "partition 1". */
  readonly name: string;
  readonly label: string;
  /** Its unique GUID in lower case, by which firmware and boot loaders call it. */
  readonly uuid: string;
  /** Where the kernel has it mounted now. */
  mounts(): readonly Mount[];
  /** The caller closes it. What is opened for writing is held. Throws `disk`, also when it is in use then. */
  open(access: { readonly write: boolean }): BlockFile;
}

/** Where the boot record, the specs and tandem's memory lie, opened. */
export interface ControlPlaces {
  /** What the boot loader reads: control/loader-data.ts knows the offsets. */
  readonly loaderData: BlockFile;
  /** What tandem remembers: in the same block device behind the loader's data, or in the files of a folder. */
  readonly memory: { readonly block: BlockFile } | { readonly folder: string };
  close(): void;
}

/**
 * The slots of one disk. What boots next is not asked here: the boot record names slots, the loader goes by it, and
 * control/next-boot.ts reckons it. A layout takes no part in that as long as a slot stays in its place.
 */
export interface Layout {
  /** A block device or a plain file: messages name it, and the lock is taken on it. */
  readonly diskPath: string;
  /** What is on the disk, for people. */
  readonly description: string;
  readonly slots: Readonly<Partial<Record<SlotName, Slot>>>;
  readonly addressForm: AddressForm;
  /** undefined: this machine does not run from that disk, or from none of its slots. */
  readonly booted: SlotName | undefined;
  /** What `booted` was seen by: the mounted root, or the boot loader's word. */
  readonly bootedBy: "mount" | "loader" | undefined;
  /** How the machine came up, from this disk or another. */
  readonly cmdline: Cmdline;
  /** The one that is configured, else all of the disk in their order. */
  readonly esps: readonly EspPlace[];
  /** How the configuration of the boot loader names the place of its data: the number of a partition. */
  readonly loaderDataAddress: string;
  /** The caller closes the block. What is opened for writing is held. Throws `disk`, also when the slot is in use then. */
  openSlot(slot: SlotName, access: { readonly write: boolean }): WriteTarget;
  /** Opened for writing it is the lock on the disk, by whatever name the disk is called. Throws `disk`, and `locked`. */
  openControl(access: { readonly write: boolean }): ControlPlaces;
}
