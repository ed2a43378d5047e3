/** What a kernel that died left in the firmware, and what systemd-pstore.service has moved from there. */
import { TandemError } from "../lib/error.ts";
import type { System } from "../system/system.ts";
import type { Part, PartFile } from "./bundle.ts";

const FOLDERS = ["/sys/fs/pstore", "/var/lib/systemd/pstore"] as const;
/** systemd-pstore.service makes a folder for each crash, and folders for the parts of a dump in it. */
const DEPTH_MAX = 3;
const FILES_MAX = 100;

type Reader = Pick<System, "files" | "durable">;

export function pstorePart(system: Reader): Part {
  return { name: "pstore", files: () => pstoreFiles(system) };
}

function* pstoreFiles(system: Reader): Generator<PartFile> {
  const paths = FOLDERS.flatMap((folder) => filesBelow(system, folder, DEPTH_MAX));
  const list = paths.map(({ path, sizeBytes }) => `${sizeBytes} ${path}\n`).join("");
  yield { path: "pstore.txt", read: () => list };
  for (const { path } of paths.slice(0, FILES_MAX))
    yield { path: `pstore${path}`, read: () => textAt(system, path) };
}

interface PstoreFile {
  readonly path: string;
  readonly sizeBytes: number;
}

function filesBelow(system: Reader, folder: string, depth: number): PstoreFile[] {
  if (depth === 0) return [];
  return (system.durable.list(folder) ?? []).flatMap(({ name, isFolder, sizeBytes }) => {
    const path = `${folder}/${name}`;
    return isFolder ? filesBelow(system, path, depth - 1) : [{ path, sizeBytes }];
  });
}

/** A dump that the kernel could not decompress is no text, and nothing could be removed from it. */
function textAt({ files }: Reader, path: string): string {
  const bytes = files.readBytes(path);
  if (bytes === undefined) throw new TandemError("disk", `Cannot read ${path}: it is gone`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TandemError("disk", `Cannot show ${path}: it is not text`, { cause });
  }
}
