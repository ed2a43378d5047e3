/** A whole disk in memory: partition table, EFI system partition, control partition and two slots. */
import type { LoaderName } from "../../src/boot/loaders.ts";
import { formatControl } from "../../src/control/control.ts";
import { settled } from "../../src/control/decide.ts";
import { envLine, envText } from "../../src/control/env-block.ts";
import { emptyState, withVerdict } from "../../src/control/state.ts";
import { Fat } from "../../src/fat/fat.ts";
import { restoreProtectiveMbr } from "../../src/disk/mbr.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import { LABELS } from "../../src/slot/labels.ts";
import { parseCmdline } from "../../src/slot/cmdline.ts";
import type { SlotName } from "../../src/slot/slot.ts";
import { type BlockFile, part } from "../../src/system/block-file.ts";
import type { System } from "../../src/system/system.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { openMachine } from "../../src/machine/open-machine.ts";
import { runUpgrade } from "../../src/upgrade/run.ts";
import { contentOf } from "../../src/write/content.ts";
import { controlIn } from "./control.ts";
import { ESP_TYPE, gptImage } from "../disk/gpt-image.ts";
import { fatImage } from "./fat-image.ts";
import { forked } from "./forked.ts";
import { memorySource, memorySystem } from "./machine.ts";
import type { Tree } from "./lossy-files.ts";
import type { PagedImage } from "./paged-image.ts";

const SECTORS = MiB / 512;
const SLOT_MIB = 8;
/** The smallest size of a FAT16. */
const ESP_MIB = 5;
const SIZE_MIB = 1 + ESP_MIB + 1 + 2 * SLOT_MIB + 1;
const PATH = "/disk.img";

export type PlaceName = "esp" | "control" | "a" | "b";

/** The number of the control partition. */
export const CONTROL_NUMBER = "2";
export const ENV_BYTES = 1024;

const ESP_FILES: Readonly<Record<LoaderName, Readonly<Record<string, string>>>> = {
  grub: {
    "/tandem/grub.cfg": "# the script\n",
    "/tandem/disk.cfg": envText([
      envLine("control", CONTROL_NUMBER),
      envLine("fallback", "a"),
    ]).padEnd(ENV_BYTES, "#"),
    "/tandem/tries": envText([]).padEnd(ENV_BYTES, "#"),
  },
  "systemd-boot": {
    "/EFI/BOOT/BOOTX64.EFI": "the program",
    "/loader/loader.conf": "timeout 0\ndefault tandem-*\n",
  },
};

/** The offset and size of each partition. */
export const PLACES: Readonly<Record<PlaceName, { offsetBytes: number; sizeBytes: number }>> = {
  esp: { offsetBytes: MiB, sizeBytes: ESP_MIB * MiB },
  control: { offsetBytes: (1 + ESP_MIB) * MiB, sizeBytes: MiB },
  a: { offsetBytes: (2 + ESP_MIB) * MiB, sizeBytes: SLOT_MIB * MiB },
  b: { offsetBytes: (2 + ESP_MIB + SLOT_MIB) * MiB, sizeBytes: SLOT_MIB * MiB },
};

/** Returns a partition of the disk as a BlockFile. */
export function partOfDisk(disk: BlockFile, name: PlaceName): BlockFile {
  return part(disk, { name, ...PLACES[name] });
}

/** A machine with this disk as a disk-image file. */
export function systemWith(disk: BlockFile): System {
  return { ...memorySystem(), openBlock: () => ({ ...disk, name: PATH, close() {} }) };
}

/** A machine that was booted with these kernel options. Without options it was booted from another disk. */
export function machineWith(disk: BlockFile, cmdline = ""): Machine {
  const boot = parseCmdline(cmdline);
  const machine = openMachine(systemWith(disk), { disk: PATH, write: true });
  return {
    ...machine,
    booted: boot.slot,
    cmdline: { ...boot, ...machine.loader.summarize({ slot: boot.slot, cmdline: boot }) },
    // Without a path no thread writes to the disk, so a recorder sees every write.
    openSlot: (slot, access) => ({ ...machine.openSlot(slot, access), path: undefined }),
  };
}

/** Makes a disk with v1 in slot a, which is good. */
export const wholeDisk = forked(
  async (
    version: string = "v1",
    { loader = "grub", limit = 0 }: { readonly loader?: LoaderName; readonly limit?: number } = {},
  ) => {
    const image = await newDisk(loader);
    const disk = image.file();
    await formatControl(controlIn(partOfDisk(disk, "control")), {
      record: settled("a", { limit, bootable: [] }),
      state: emptyState(),
    });
    const machine = machineWith(disk);
    await fillSlot(machine, "a", version);
    await machine.loader.repair();
    return image;
  },
);

/** Makes a new disk: with a boot loader, an empty control partition and empty slots. */
export const newDisk = forked(async (loader: LoaderName = "grub") => {
  const image = blankDisk();
  await restoreProtectiveMbr(image.file());
  const folders = ["/tandem", "/loader", "/EFI", "/EFI/BOOT"].map(
    (path) => [path, undefined] as const,
  );
  const files = Object.entries(ESP_FILES[loader]).map(
    ([path, text]) => [path, Buffer.from(text)] as const,
  );
  await fillEsp(image, new Map([...folders, ...files]));
  return image;
});

function blankDisk(): PagedImage {
  const names = ["esp", "control", "a", "b"] as const;
  return gptImage({
    sizeBytes: SIZE_MIB * MiB,
    partitions: names.map((name) => {
      const { offsetBytes, sizeBytes } = PLACES[name];
      const firstLba = (offsetBytes / MiB) * SECTORS;
      const lastLba = firstLba + (sizeBytes / MiB) * SECTORS - 1;
      return name === "esp"
        ? { label: "EFI system", firstLba, lastLba, type: ESP_TYPE }
        : { label: LABELS[name], firstLba, lastLba };
    }),
  });
}

/** Replaces the ESP by a new one with these files. */
export async function fillEsp(image: PagedImage, tree: Tree): Promise<void> {
  image.share(PLACES.esp.offsetBytes, fatImage(16, PLACES.esp.sizeBytes).bytes());
  const fat = Fat.open(partOfDisk(image.file(), "esp"));
  for (const [path, bytes] of tree)
    if (bytes === undefined) await fat.makeFolder(path);
    else await fat.write(path, { sizeBytes: bytes.byteLength, read: () => [bytes] });
}

async function fillSlot(machine: Machine, slot: SlotName, version: string): Promise<void> {
  const { signal } = new AbortController();
  const content = await contentOf(memorySource(version), { talk: SILENT, signal });
  const steps = (["erase", "write", "read-back", "describe"] as const).map((kind) => ({
    kind,
    slot,
  }));
  await runUpgrade({ machine, content, slot, jobs: 1, talk: SILENT, signal }, steps);
  const at = machine.system.now().toISOString();
  const verdict = { result: "good", reason: "installed", at } as const;
  await machine.memory.writeState(withVerdict(machine.memory.state, slot, verdict));
}
