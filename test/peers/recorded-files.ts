/** Computes from recorded system calls which files of a program a power cut would lose: those that were not flushed. */
import { readFileSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { temporaryFolder } from "./temporary-folder.ts";

const CALLS =
  "openat,write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,symlink,symlinkat";

/** Changes that are not on the medium, although the program relies on them. */
export interface Unflushed {
  /** The names of files whose data was not flushed. */
  readonly data: readonly string[];
  /** Folders with changed names that were not flushed. */
  readonly folders: readonly string[];
  /** Files that replaced another file before their data was flushed. */
  readonly renamedEarly: readonly string[];
}

/**
 * Runs a TypeScript program, which gets its folder in the variable FOLDER. Returns what a power cut after its end would
 * lose.
 */
export async function lostAfter(program: string): Promise<Unflushed> {
  await using folder = await temporaryFolder();
  const trace = `${folder.path}.trace`;
  const strace = ["strace", "-f", "-y", "-e", "signal=none", "-s", "4096", "-e", `trace=${CALLS}`];
  const child = Bun.spawn([...strace, "-o", trace, process.execPath, "-e", program], {
    env: { ...process.env, FOLDER: folder.path },
    stdout: "pipe",
    stderr: "pipe",
  });
  const errors = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(errors);
  const lines = readFileSync(trace, "utf8").split("\n");
  rmSync(trace);
  return unflushedIn(lines.filter((line) => line.includes(folder.path) && !/ = -\d/.test(line)));
}

function unflushedIn(lines: readonly string[]): Unflushed {
  const [data, folders] = [new Set<string>(), new Set<string>()];
  const renamedEarly: string[] = [];
  for (const { name, opened, named } of lines.map((line) => callIn(line))) {
    if (name.includes("write")) data.add(opened);
    else if (name.includes("sync")) for (const set of [data, folders]) set.delete(opened);
    else for (const path of named) folders.add(dirname(path));
    if (name.startsWith("rename")) renamedEarly.push(...named.filter((path) => data.has(path)));
  }
  return {
    data: [...data].map((path) => basename(path)),
    folders: [...folders].map((path) => basename(path)),
    renamedEarly,
  };
}

interface Call {
  readonly name: string;
  readonly opened: string;
  /** The paths that the call makes, moves or removes. */
  readonly named: readonly string[];
}

function callIn(line: string): Call {
  const [, name = "", args = ""] = line.match(/^\d+ +(\w+)\((.*)$/) ?? [];
  const changesNames = name !== "openat" || args.includes("O_CREAT");
  const paths = [...args.matchAll(/"(\/[^"]*)"/g)].map(([, path = ""]) => path);
  return { name, opened: args.match(/^\d+<([^>]*)>/)?.[1] ?? "", named: changesNames ? paths : [] };
}
