/** Real files from Debian packages: apt fetches them, and they are read without root and without unpacking. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";

import { command, commandBytes } from "../../test/peers/command.ts";
import type { TarMember } from "../../test/peers/tar.ts";

const BLOCK_BYTES = 512;
/** Debian has a merged /usr, but packages still contain the old names. */
const MERGED = /^(bin|sbin|lib|lib64)(?=\/|$)/;

/** Fetches the versions that apt offers now into `folder` and returns their files in the order of `names`. */
export async function downloadPackages(
  folder: string,
  names: readonly string[],
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const known = await readdir(folder);
  const missing = names.filter((name) => !known.some((file) => file.startsWith(`${name}_`)));
  if (missing.length > 0)
    await command("sh", "-c", 'cd "$0" && apt-get --quiet download "$@"', folder, ...missing);
  const files = await readdir(folder);
  return names.map((name) => {
    const file = files.find((candidate) => candidate.startsWith(`${name}_`));
    if (file === undefined) throw new Error(`Cannot find package ${name} in ${folder}`);
    return join(folder, file);
  });
}

/** The package that a meta package stands for: "linux-image-cloud-amd64" → "linux-image-6.1.0-44-cloud-amd64". */
export async function dependencyOf(meta: string): Promise<string> {
  const depends = await command("apt-cache", "depends", meta);
  const name = /Depends: (\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error(`Cannot find what ${meta} depends on`);
  return name;
}

/** The members of a package. They share the memory of the package. */
export async function packageMembers(file: string): Promise<TarMember[]> {
  const archive = await commandBytes("dpkg-deb", "--fsys-tarfile", file);
  const members: TarMember[] = [];
  let long: { L?: string; K?: string } = {};
  for (let at = 0; at + BLOCK_BYTES <= archive.byteLength && archive[at] !== 0;) {
    const header = archive.subarray(at, at + BLOCK_BYTES);
    const sizeBytes = octal(header, 124, 12);
    const data = archive.subarray(at + BLOCK_BYTES, at + BLOCK_BYTES + sizeBytes);
    const type = text(header, 156, 1);
    at += BLOCK_BYTES + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
    if (type === "L" || type === "K") {
      long[type] = text(data, 0, sizeBytes);
      continue;
    }
    const path = clean(long.L ?? text(header, 0, 100));
    const target = long.K ?? text(header, 157, 100);
    long = {};
    if (path !== "" && !MERGED.test(`${path}/`.slice(0, -1)))
      members.push(memberOf({ type, header, path, target, data }));
  }
  return members;
}

interface Raw {
  readonly type: string;
  readonly header: Uint8Array;
  readonly path: string;
  readonly target: string;
  readonly data: Uint8Array;
}

function memberOf({ type, header, path, target, data }: Raw): TarMember {
  const common = {
    path,
    mode: octal(header, 100, 8),
    uid: octal(header, 108, 8),
    gid: octal(header, 116, 8),
    mtime: `${octal(header, 136, 12)}`,
  };
  switch (type) {
    case "0":
      return { ...common, kind: "file", data };
    case "1":
      return { ...common, kind: "hardlink", target: clean(target) };
    case "2":
      return { ...common, kind: "symlink", target };
    case "5":
      return { ...common, kind: "directory" };
    default:
      throw new Error(`Cannot use ${path} of a package: type ${type}`);
  }
}

/** "./bin/ls" → "usr/bin/ls"; "./" → "". */
function clean(name: string): string {
  return name
    .replace(/^\.?\/+/, "")
    .replace(/\/+$/, "")
    .replace(MERGED, "usr/$1");
}

function text(bytes: Uint8Array, at: number, length: number): string {
  const field = Buffer.from(bytes.buffer, bytes.byteOffset + at, length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end === -1 ? length : end);
}

function octal(bytes: Uint8Array, at: number, length: number): number {
  return Number.parseInt(text(bytes, at, length).trim() || "0", 8);
}
