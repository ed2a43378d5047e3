/**
 * The layout `kairos`: slots are image files on the partitions that Kairos has made. The kernel has COS_STATE mounted,
 * so tandem works through that mount, and needs root.
 */
import { assert } from "../../lib/assert.ts";
import { TandemError } from "../../lib/error.ts";
import type { BlockFile } from "../../system/block-file.ts";
import type { MountedFiles } from "../../system/mounted-files.ts";
import type { AddressForm, SlotAddress } from "../address.ts";
import type { Devices } from "../block-device.ts";
import { bootFacts } from "../boot-disk.ts";
import type { DiskOptions, Layout, LayoutKind, Slot, Staging } from "../layout.ts";
import { examineTable } from "../partition-table.ts";
import type { SlotName } from "../slot.ts";
import { openControl } from "./control-places.ts";
import { examineImages } from "./examine.ts";
import { finishSwap } from "./image-files.ts";
import { type PartFolder, PartFolders } from "./part-folders.ts";
import { findKairosDisk, hasKairos, KAIROS_LABELS, type KairosDisk } from "./places.ts";
import { RECOVERY_LABEL } from "./recovery-swap.ts";
import type { RunningImage } from "./running-image.ts";
import { openStage, type StageTarget } from "./stage.ts";
import {
  IMAGE_FOLDER,
  recoveryImage,
  type StateImages,
  type StoredImage,
  stateImages,
} from "./stored-images.ts";
import { ACTIVE_LABEL, PASSIVE_LABEL } from "./swap.ts";

export const kairos: LayoutKind = {
  name: "kairos",
  isOn: (devices, { disk }) => hasKairos(devices, disk),
  open,
  examine: (devices, diskPath) => [
    ...examineTable((access) => devices.openBlock(diskPath, access)),
    ...examineImages(devices, diskPath),
  ],
};

/** The labels of the file systems in the slots, by which the kernel finds its root. */
const SLOT_LABELS = {
  active: ACTIVE_LABEL,
  passive: PASSIVE_LABEL,
  recovery: RECOVERY_LABEL,
} as const;
type ImageSlot = keyof typeof SLOT_LABELS;
const SLOTS = ["active", "passive", "recovery"] as const;

/** GRUB finds a slot by its file, the kernel by the label of the file system in it. */
export const KAIROS_ADDRESS: AddressForm = {
  names: ["file", "label"],
  flaw({ file = "", label = "" }) {
    if (!/^\/cOS\/[\w.]+$/.test(file)) return `file is "${file}"`;
    return /^COS_[A-Z]+$/.test(label) ? undefined : `label is "${label}"`;
  },
  text: ({ file }) => `${file}`,
  rootOption: ({ label }) => `root=LABEL=${label}`,
};

type Images = Readonly<Partial<Record<ImageSlot | "transition", StoredImage | undefined>>>;

function open(devices: Devices, { disk: path }: DiskOptions): Layout {
  const disk = findKairosDisk(devices, path);
  const folders = new PartFolders(devices, disk);
  const images = readImages(devices, folders, disk);
  // Looking at COS_RECOVERY again would mount it each time.
  let { recovery } = images;
  const booted = bootedSlot(images, disk.running);
  const used: PartFolder[] = [];
  return {
    diskPath: disk.path,
    description: describe(disk),
    slots: slotsOf(images),
    addressForm: KAIROS_ADDRESS,
    booted,
    bootedBy: booted && (disk.running?.identity === undefined ? "loader" : "mount"),
    cmdline: bootFacts(devices).cmdline,
    esps: [],
    loaderDataAddress: KAIROS_LABELS.state,
    openSlot: (slot, access) => openSlot(devices, folders, { slot, ...access }),
    openControl: (access) => openControl({ devices, disk, folders, used }, access),
    staging: {
      stage(target) {
        const folder = folders.open(partOf(target), { write: true });
        used.push(folder);
        const staged = openStage(devices, target, folder.path);
        if (target === "active") return staged;
        return {
          ...staged,
          promote(options) {
            staged.promote(options);
            recovery = readRecovery(devices.mounted, folders);
          },
        };
      },
      uuids: () => uuidsOf({ ...readState(devices, folders), recovery }),
      finish: () =>
        folders.with("state", { write: true }, (root) =>
          finishSwap({ path: `${root}${IMAGE_FOLDER}`, files: devices.mounted }),
        ),
    },
  };
}

/** A squashfs has none, and neither has a damaged file. */
const NO_UUID = "none";

function uuidsOf(images: Images): ReturnType<Staging["uuids"]> {
  const found = Object.entries(images).flatMap(([slot, image]) =>
    image === undefined ? [] : [[slot, image.uuid ?? NO_UUID] as const],
  );
  return Object.fromEntries(found);
}

function describe({ parts }: KairosDisk): string {
  const found = Object.values(parts).toSorted((one, other) => one.number - other.number);
  return found.map(({ number, label }) => `${number} "${label}"`).join(", ");
}

function partOf(target: StageTarget | SlotName): "state" | "recovery" {
  return target === "recovery" ? "recovery" : "state";
}

function readImages(devices: Devices, folders: PartFolders, { parts }: KairosDisk): Images {
  const recovery = parts.recovery && readRecovery(devices.mounted, folders);
  return { ...readState(devices, folders), recovery };
}

function readState({ mounted }: Devices, folders: PartFolders): StateImages {
  return folders.with("state", { write: false }, (root) => stateImages(mounted, root));
}

/** A recovery partition that cannot be mounted is no reason to refuse the rest of the disk. */
function readRecovery(files: MountedFiles, folders: PartFolders): StoredImage | undefined {
  try {
    return folders.with("recovery", { write: false }, (root) => recoveryImage(files, root));
  } catch (error) {
    if (error instanceof TandemError) return undefined;
    throw error;
  }
}

function slotsOf(images: Images): Layout["slots"] {
  const entries = SLOTS.map((slot) => [slot, slotOf(slot, images[slot])] as const);
  return Object.fromEntries(entries.filter(([, slot]) => slot !== undefined));
}

/** The address names the file that the slot has when no swap is unfinished. */
function slotOf(name: ImageSlot, image: StoredImage | undefined): Slot | undefined {
  if (image === undefined) return undefined;
  const label = SLOT_LABELS[name];
  const file = name === "recovery" ? image.file : `${IMAGE_FOLDER}/${name}.img`;
  const address: SlotAddress = { file, label };
  return { sizeBytes: image.sizeBytes, address, label, uuid: image.uuid };
}

/** After a swap the running system has another name than on the kernel command line: the inode counts. */
function bootedSlot(images: Images, running: RunningImage | undefined): ImageSlot | undefined {
  if (running === undefined) return undefined;
  const { identity, file } = running;
  return SLOTS.find((slot) => {
    const image = images[slot];
    if (image === undefined) return false;
    return identity === undefined ? image.file === file : image.identity === identity;
  });
}

function openSlot(
  devices: Devices,
  folders: PartFolders,
  { slot, write }: { readonly slot: SlotName; readonly write: boolean },
): ReturnType<Layout["openSlot"]> {
  assert(!write, `slot ${slot} of a Kairos disk is written through a stage`);
  const folder = folders.open(partOf(slot), { write });
  try {
    const path = `${folder.path}${imageAt(devices, folder.path, slot).file}`;
    const block = devices.openBlock(path, { write });
    return { block: closingBoth(block, folder), path, offsetBytes: 0 };
  } catch (error) {
    folder.close();
    throw error;
  }
}

/** The names of files change while the layout is open, so they are read again. */
function imageAt({ mounted }: Devices, root: string, slot: SlotName): StoredImage {
  const images: Images =
    slot === "recovery" ? { recovery: recoveryImage(mounted, root) } : stateImages(mounted, root);
  const image = Object.entries(images).find(([name]) => name === slot)?.[1];
  if (image !== undefined) return image;
  throw new TandemError(
    "disk",
    `Cannot open slot ${slot}: ${root}${IMAGE_FOLDER} has no image of it`,
  );
}

function closingBoth(block: BlockFile, folder: PartFolder): BlockFile {
  return {
    ...block,
    close() {
      block.close();
      folder.close();
    },
  };
}
