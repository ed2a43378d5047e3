/**
 * A layout that only tests know, in one file. Slots are image files in a folder, beside one file for the boot loader's
 * data, one with a FAT in place of an EFI system partition, and a folder for tandem's memory. The "disk" is the
 * loader's file.
 */
import { dirname } from "node:path";
import { about } from "../../src/lib/finding.ts";
import { defined } from "../../src/lib/assert.ts";
import { bootFacts } from "../../src/slot/boot-disk.ts";
import type { Devices } from "../../src/slot/block-device.ts";
import type { DiskOptions, Layout, LayoutKind, Slot } from "../../src/slot/layout.ts";
import type { SlotName } from "../../src/slot/slot.ts";
import type { BlockFile } from "../../src/system/block-file.ts";

/** Tells the folder of such a disk from others. */
export const MARK = "toy";
export const LOADER_FILE = "loader-data";
export const ESP_FILE = "esp.img";
export const MEMORY = "memory";

export const toyLayout: LayoutKind = {
  name: "toy",
  isOn: ({ files }, { disk = "" }) => files.readText(`${dirname(disk)}/${MARK}`) !== undefined,
  open,
  examine: (_, diskPath) => [about("toy", "disk").ok(`${diskPath} has no partition table`)],
};

function open(devices: Devices, { disk }: DiskOptions): Layout {
  const diskPath = defined(disk, "the path of a toy");
  const folder = dirname(diskPath);
  const { cmdline } = bootFacts(devices);
  const openFile = (path: string, { write }: { readonly write: boolean }): BlockFile =>
    devices.openBlock(path, { write, hold: write });
  return {
    diskPath,
    description: `slots a and b in ${folder}`,
    slots: { a: slotOf(devices, folder, "a"), b: slotOf(devices, folder, "b") },
    addressForm: {
      names: ["file"],
      flaw: ({ file = "" }) => (file.startsWith("/") ? undefined : `file is "${file}"`),
      text: ({ file }) => `file ${file}`,
      rootOption: ({ file }) => `root=toy:${file}`,
    },
    booted: cmdline.slot,
    bootedBy: cmdline.slot && "loader",
    cmdline,
    esps: [
      {
        name: "file 1",
        label: ESP_FILE,
        uuid: "toy",
        mounts: () => [],
        open: (access) => openFile(`${folder}/${ESP_FILE}`, access),
      },
    ],
    loaderDataAddress: LOADER_FILE,
    openSlot: (slot, access) => ({
      block: openFile(imageOf(folder, slot), access),
      path: imageOf(folder, slot),
      offsetBytes: 0,
    }),
    openControl(access) {
      const loaderData = openFile(diskPath, access);
      const memory = { folder: `${folder}/${MEMORY}` };
      return { loaderData, memory, close: () => loaderData.close() };
    },
  };
}

/** Where a toy has the image file of a slot. */
export function imageOf(folder: string, slot: SlotName): string {
  return `${folder}/${slot}.img`;
}

function slotOf(devices: Devices, folder: string, slot: SlotName): Slot {
  const file = imageOf(folder, slot);
  const block = devices.openBlock(file, { write: false });
  const { sizeBytes } = block;
  block.close();
  return { sizeBytes, address: { file }, label: `toy-${slot}` };
}
