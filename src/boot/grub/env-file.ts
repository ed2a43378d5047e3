/**
 * GRUB environment files, changed in place. GRUB rewrites the blocks that a file has, and replays no journal, so a file
 * keeps its blocks and its size, and is on the medium when a change returns. A sector is written whole or not at all:
 * as long as the variables fit into the first 512 bytes, a power cut leaves all of the old or all of the new ones.
 */
import { envLine, envText, parseEnvBlock } from "../../control/env-block.ts";
import { TandemError } from "../../lib/error.ts";
import { describing } from "../../system/failure.ts";
import type { MountedFiles } from "../../system/mounted-files.ts";

/** What grub-editenv makes, and the least that GRUB's save_env accepts. */
const NEW_FILE_BYTES = 1024;
const FILE_BYTES_MAX = 64 * NEW_FILE_BYTES;
const PADDING = "#";

/** New values by name. Undefined removes the variable. */
export type EnvChanges = Readonly<Record<string, string | undefined>>;

export interface EnvFile {
  readonly path: string;
  /** The folder of the file: exists, and lies in a mounted file system that GRUB reads. */
  readonly folder: string;
  readonly files: MountedFiles;
}

/**
 * The variables in the file. Of a file that is missing, empty or shorter than GRUB's signature there are none. Throws
 * "boot" when it is damaged otherwise, and "disk".
 */
export function readEnvFile(file: EnvFile): ReadonlyMap<string, string> {
  return parsed(
    file,
    guard(file, "read", () => bytesOf(file)),
  );
}

/**
 * Changes variables and keeps the others, in their order. A file that is missing or too short becomes one of 1024
 * bytes. Throws "boot" when the file is damaged or has no room, "no-space" or "disk"; a damaged file is not changed.
 */
export function changeEnvFile(file: EnvFile, changes: EnvChanges): void {
  const before = guard(file, "read", () => bytesOf(file));
  const after = encode(file, merged(parsed(file, before), changes), before);
  const write = before?.byteLength === after.byteLength ? writeInPlace : replaceFile;
  guard(file, "write", () => write(file, after));
  const got = guard(file, "read", () => bytesOf(file));
  if (got === undefined || Buffer.compare(got, after) !== 0)
    throw new TandemError("disk", `Cannot write ${file.path}: it reads back otherwise`);
}

/** Makes the file anew with these variables, also over a damaged one. Throws "no-space" or "disk". */
export function remakeEnvFile(file: EnvFile, values: Readonly<Record<string, string>>): void {
  const after = encode(file, new Map(Object.entries(values)), undefined);
  guard(file, "write", () => replaceFile(file, after));
}

function merged(
  values: ReadonlyMap<string, string>,
  changes: EnvChanges,
): ReadonlyMap<string, string> {
  const result = new Map(values);
  for (const [name, value] of Object.entries(changes))
    if (value === undefined) result.delete(name);
    else result.set(name, value);
  return result;
}

function encode(
  { path }: EnvFile,
  values: ReadonlyMap<string, string>,
  before: Uint8Array | undefined,
): Uint8Array {
  const sizeBytes = Math.max(before?.byteLength ?? 0, NEW_FILE_BYTES);
  const text = envText([...values].map(([name, value]) => envLine(name, value)));
  const bytes = Buffer.alloc(sizeBytes, PADDING);
  const content = Buffer.from(text);
  if (content.byteLength > sizeBytes)
    throw new TandemError(
      "boot",
      `Cannot write ${path}: its variables need ${content.byteLength} bytes, and it has ${sizeBytes}`,
      { hint: "GRUB cannot use a file that grows. Remove variables that nothing reads." },
    );
  bytes.set(content);
  return bytes;
}

function parsed({ path }: EnvFile, bytes: Uint8Array | undefined): ReadonlyMap<string, string> {
  if (bytes === undefined || isBlank(bytes)) return new Map();
  const block = parseEnvBlock(bytes);
  if ("values" in block) return block.values;
  throw new TandemError(
    "boot",
    `Cannot read ${path} as a GRUB environment file: ${block.invalid}`,
    {
      hint: `Look at it with grub-editenv ${path} list, and remove it when nothing in it is needed.`,
    },
  );
}

/** What a power cut or a writer that truncates can leave: nothing, zeros, or the beginning of the signature. */
function isBlank(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString("latin1").replace(/\0+$/, "");
  return text.length < envText([]).length && envText([]).startsWith(text);
}

/**
 * GRUB must never see a new file that is not complete, so it gets its name only when it is on the medium. Throws the
 * errors of node:fs.
 */
export function replaceFile({ path, folder, files }: EnvFile, after: Uint8Array): void {
  const next = `${path}.new`;
  if (files.stat(next) !== undefined) files.remove(next);
  files.create(next, after);
  files.flush(folder);
  files.rename(next, path);
  files.flush(folder);
}

function writeInPlace({ path, folder, files }: EnvFile, after: Uint8Array): void {
  files.write(path, 0, after);
  files.flush(folder);
}

function bytesOf({ path, files }: EnvFile): Uint8Array | undefined {
  const stat = files.stat(path);
  if (stat === undefined) return undefined;
  if (stat.sizeBytes > FILE_BYTES_MAX)
    throw new TandemError(
      "boot",
      `Cannot read ${path} as a GRUB environment file: it has ${stat.sizeBytes} bytes, want at most ${FILE_BYTES_MAX}`,
    );
  return files.read(path, 0, stat.sizeBytes);
}

function guard<T>({ path }: EnvFile, action: "read" | "write", run: () => T): T {
  return describing(`${action} ${path}`, run);
}
