/** The copies of kernel and initrd on the ESP: systemd-boot loads them from there, since it does not read ext4. */
import type { SlotSpec } from "../../control/spec.ts";
import type { FileContent } from "../../fat/data.ts";
import { TandemError } from "../../lib/error.ts";
import type { SlotName } from "../../slot/slot.ts";
import type { BootFiles } from "../bootloader.ts";
import type { Esp } from "../esp/esp.ts";
import { isFile } from "../esp/esp.ts";

const FOLDER = "/tandem";
/** What a file takes beyond its bytes: the rest of its last cluster, and its folder entry. */
const OVERHEAD_BYTES = 256 * 1024;

export interface SlotPaths {
  readonly linux: string;
  readonly initrd: string | undefined;
}

/** The names contain a part of the digest. So a copy of another image is never taken for a copy of this one. */
export function slotPaths(
  slot: SlotName,
  { digest, initrd }: Pick<SlotSpec, "digest" | "initrd">,
): SlotPaths {
  const tag = digest.slice(digest.indexOf(":") + 1).slice(0, 12);
  const at = (name: string): string => `${FOLDER}/${slot}/${name}-${tag}`;
  return { linux: at("linux"), initrd: initrd === undefined ? undefined : at("initrd") };
}

/** The first file that is missing. */
export function missingFile(esp: Esp, { linux, initrd }: SlotPaths): string | undefined {
  return [linux, initrd].find((path) => path !== undefined && !isFile(esp, path));
}

/** How the first copy that differs from the slot differs; undefined: none does. */
export function damagedCopy(
  esp: Esp,
  { linux, initrd }: SlotPaths,
  files: BootFiles,
): string | undefined {
  const pairs = [
    [linux, files.kernel],
    [initrd, files.initrd],
  ] as const;
  for (const [path, file] of pairs) {
    const copy = path === undefined ? undefined : esp.read(path);
    if (path === undefined && file === undefined) continue;
    if (file === undefined) return `${path} is not in the slot`;
    if (!hasSameBytes(copy, file)) return `${path ?? "a copy"} on ${esp.name} is not ${file.path}`;
  }
  return undefined;
}

/** Copies the files and reads the copies back. A copy with the right bytes is kept. Throws `no-space` before anything is written. */
export async function copySlotFiles(esp: Esp, paths: SlotPaths, files: BootFiles): Promise<void> {
  const pairs: [string, FileContent][] = [[paths.linux, files.kernel]];
  if (paths.initrd !== undefined && files.initrd !== undefined)
    pairs.push([paths.initrd, files.initrd]);
  const wanted = pairs.filter(([path, content]) => !hasSameBytes(esp.read(path), content));
  if (wanted.length === 0) return;
  await makeFolders(esp, paths.linux);
  for (const [path] of wanted) await esp.remove(path);
  await requireRoom(esp, wanted);
  for (const [path, content] of wanted) await esp.write(path, content);
}

async function makeFolders(esp: Esp, path: string): Promise<void> {
  await esp.makeFolder(FOLDER);
  await esp.makeFolder(path.slice(0, path.lastIndexOf("/")));
}

async function requireRoom(
  esp: Esp,
  pairs: readonly (readonly [string, FileContent])[],
): Promise<void> {
  const sizes = pairs.map(([, { sizeBytes }]) => sizeBytes + OVERHEAD_BYTES);
  const needBytes = sizes.reduce((sum, size) => sum + size, 0);
  const freeBytes = await esp.makeRoom();
  if (needBytes > freeBytes)
    throw new TandemError(
      "no-space",
      `Cannot copy kernel and initrd to ${esp.name}: needs ${needBytes} bytes, has ${freeBytes}`,
      { hint: "Make room on the EFI system partition, or use an image with a smaller initrd." },
    );
}

/** Removes the files in the slot's folder, except those in `keep`. */
export async function removeSlotFiles(esp: Esp, slot: SlotName, keep?: SlotPaths): Promise<void> {
  const folder = `${FOLDER}/${slot}`;
  for (const { name, isFolder } of esp.list(folder) ?? []) {
    const path = `${folder}/${name}`;
    if (!isFolder && path !== keep?.linux && path !== keep?.initrd) await esp.remove(path);
  }
}

function hasSameBytes(one: FileContent | undefined, other: FileContent): boolean {
  return one?.sizeBytes === other.sizeBytes && hashOf(one) === hashOf(other);
}

function hashOf(content: FileContent): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const chunk of content.read()) hasher.update(chunk);
  return hasher.digest("hex");
}
