/** The five files of glibc that go into the binary, unmodified. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";

import {
  checkHeader,
  type Elf,
  FILE_TYPE,
  neededBy,
  onlyDynamic,
  stringAt,
  stringTableOf,
  TAG,
} from "./elf.ts";

export const LOADER_NAME = "ld-linux-x86-64.so.2";
const LIBRARY_NAMES = ["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0"] as const;
/** The folders of Debian, then of Fedora, then of others. */
const FOLDERS = ["/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"] as const;

export interface Libraries {
  /** The dynamic loader. */
  readonly loader: Elf;
  readonly libraries: readonly Elf[];
  /** The version text in the C library: "Debian GLIBC 2.36-9+deb12u14". */
  readonly glibcVersion: string;
  /** The folder of the files. For messages and licences only: the binary does not contain it. */
  readonly folder: string;
}

/** Reads the C library of the build machine. */
export function readLibraries(folders: readonly string[] = FOLDERS): Libraries {
  const folder = folders.find((path) => existsSync(join(path, "libc.so.6")));
  if (folder === undefined)
    throw new Error(
      `Cannot find glibc: no libc.so.6 in ${folders.join(", ")} (on Debian: apt-get install libc6)`,
    );
  const loader = readLibrary(folder, LOADER_NAME);
  const libraries = LIBRARY_NAMES.map((name) => readLibrary(folder, name));
  checkClosed([loader, ...libraries]);
  return { loader, libraries, glibcVersion: versionOf(libraries), folder };
}

function readLibrary(folder: string, name: string): Elf {
  const path = join(folder, name);
  if (!existsSync(path)) throw new Error(`Cannot find glibc: "${path}" does not exist`);
  const elf = { name, bytes: readFileSync(realpathSync(path)) };
  checkHeader(elf, FILE_TYPE.shared);
  const soname = stringAt(stringTableOf(elf), onlyDynamic(elf, TAG.soname).value);
  if (soname !== name) throw new Error(`Cannot use "${path}": it calls itself "${soname}"`);
  return elf;
}

/** The loader finds a needed library only by its soname, among the libraries that are already loaded. */
function checkClosed(all: readonly Elf[]): void {
  const names = new Set(all.map(({ name }) => name));
  for (const elf of all) {
    const foreign = neededBy(elf).filter((name) => !names.has(name));
    if (foreign.length > 0)
      throw new Error(
        `Cannot carry "${elf.name}": it needs ${foreign.join(", ")}, which is not carried`,
      );
  }
}

function versionOf([libc]: readonly Elf[]): string {
  const banner = /GNU C Library \((.+?)\) (?:stable|development) release version ([\d.]+)/.exec(
    libc?.bytes.toString("latin1") ?? "",
  );
  if (banner?.[1] === undefined)
    throw new Error(`Cannot use "libc.so.6": it holds no glibc version (is this musl?)`);
  return banner[1];
}
