/** The EFI system partitions: what lies on them, and the files that the boot loader reads. */
import { type Esp, readEspText } from "../boot/esp/esp.ts";
import { rawEsp } from "../boot/esp/raw-esp.ts";
import type { Loader } from "../boot/loader.ts";
import { LOADERS } from "../boot/loaders.ts";
import { ESP_TYPE_GUID, readGpt } from "../disk/gpt.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import { type BlockFile, part } from "../system/block-file.ts";
import type { System } from "../system/system.ts";
import type { Part, PartFile } from "./bundle.ts";
import { diskPathOf } from "./disk-path.ts";

/** An ESP has some hundred files. A damaged one may have folders without an end. */
const PATHS_MAX = 5000;
const DEPTH_MAX = 12;
const TEXT_BYTES_MAX = 64 * KiB;

export function espPart(system: System, named: string | undefined): Part {
  return { name: "esp", files: () => espFiles(system, named) };
}

/** Reads the partitions as the firmware does, without a mount. It needs no slots, which a damaged disk may not have. */
function* espFiles(system: System, named: string | undefined): Generator<PartFile> {
  const path = diskPathOf(system, named);
  const disk = system.openBlock(path, { write: false });
  try {
    const esps = readGpt(disk).partitions.filter(({ typeGuid }) => typeGuid === ESP_TYPE_GUID);
    if (esps.length === 0)
      throw new TandemError("boot", `Cannot list an EFI system partition of ${path}: it has none`);
    for (const [index, { label, offsetBytes, sizeBytes }] of esps.entries()) {
      const name = `EFI system partition "${label}" of ${path}`;
      disk.dropCache(offsetBytes, sizeBytes);
      yield* filesOf(part(disk, { name, offsetBytes, sizeBytes }), `esp-${index + 1}`);
    }
  } finally {
    disk.close();
  }
}

function* filesOf(block: BlockFile, folder: string): Generator<PartFile> {
  // Opened for each file, so that a partition without a FAT is noted and the next one tried.
  yield { path: `${folder}.txt`, read: () => listing(rawEsp(block)) };
  for (const path of new Set(LOADERS.flatMap((loader) => loaderPaths(loader, block))))
    yield { path: `${folder}${path}`, read: () => textAt(rawEsp(block), path) };
}

/** All paths with their sizes. A folder that cannot be read is a line of its own. */
export function listing(esp: Esp): string {
  const lines: string[] = [esp.name];
  const visit = (folder: string, depth: number): void => {
    for (const { name, isFolder, sizeBytes } of list(esp, folder, lines)) {
      if (lines.length >= PATHS_MAX) return;
      const path = `${folder}/${name}`;
      lines.push(isFolder ? `${path}/` : `${path} ${sizeBytes}`);
      if (isFolder && depth < DEPTH_MAX) visit(path, depth + 1);
    }
  };
  visit("", 1);
  if (lines.length >= PATHS_MAX) lines.push(`more than ${PATHS_MAX} paths`);
  return `${lines.join("\n")}\n`;
}

function list(esp: Esp, folder: string, lines: string[]): ReturnType<Esp["list"]> & {} {
  try {
    return esp.list(folder === "" ? "/" : folder) ?? [];
  } catch (error) {
    lines.push(reasonOf(error));
    return [];
  }
}

/** Empty when the partition cannot be read: its list says why. */
function loaderPaths({ files }: Pick<Loader, "files">, block: BlockFile): readonly string[] {
  try {
    return files(rawEsp(block));
  } catch (error) {
    if (error instanceof TandemError) return [];
    throw error;
  }
}

function textAt(esp: Esp, path: string): string {
  const text = readEspText(esp, path, TEXT_BYTES_MAX);
  if (text !== undefined) return text;
  throw new TandemError(
    "boot",
    `Cannot show ${path} on ${esp.name}: it has more than ${TEXT_BYTES_MAX} bytes`,
  );
}
