/**
 * A virtual machine without an installed system: Linux, an initramfs of the test, and disks. It ends when the guest
 * switches it off.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

import { cpio, type InitramfsFile } from "../e2e/cpio.ts";
import { guestKernel } from "../e2e/guest-kernel.ts";
import { UNDER_LOAD } from "../e2e/machine.ts";
import { command } from "../peers/command.ts";
import type { TemporaryFolder } from "../peers/temporary-folder.ts";

/** The kernel command line. */
export const OPTIONS: string = `console=ttyS0 quiet panic=-1 ${UNDER_LOAD}`;

export interface BareSetup {
  /** Maps a path to a text or bytes. All files are executable. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** The commands that bare-init runs one after another, with an empty environment. */
  readonly commands: readonly string[];
}

/** Makes the initramfs INITRAMFS in `folder` with bare-init, the modules for disk and network, and `files`. */
export async function makeBareInitramfs(
  folder: TemporaryFolder,
  setup: BareSetup,
): Promise<string> {
  const init = folder.in("init");
  await command("cc", "-static", "-Os", "-o", init, join(import.meta.dir, "bare-init.c"));
  const modules = await guestModules(folder);
  const files = {
    ...setup.files,
    commands: `${setup.commands.join("\n")}\n`,
    init: readFileSync(init),
  };
  const path = folder.in("initramfs");
  writeFileSync(
    path,
    cpio([
      ...foldersOf(["proc/", "sys/", "dev/", "modules/", ...Object.keys(files)]),
      { path: "dev/console", kind: "character", major: 5, minor: 1 },
      ...[...modules, ...Object.entries(files)].map(([name, data]): InitramfsFile => ({
        path: name,
        kind: "file",
        data,
        mode: 0o755,
      })),
    ]),
  );
  return path;
}

/** Returns the modules of the stories' guests: "modules/NAME" → bytes, and "modules/order". */
async function guestModules(folder: TemporaryFolder): Promise<[string, Uint8Array][]> {
  const archive = folder.in("guest.cpio");
  writeFileSync(archive, gunzipSync(guestKernel().initrd));
  const script = 'mkdir "$0" && cd "$0" && cpio --quiet -id "modules/*" < "$1"';
  const target = folder.in("guest");
  await command("sh", "-ec", script, target, archive);
  return readdirSync(join(target, "modules")).map((name) => [
    `modules/${name}`,
    readFileSync(join(target, "modules", name)),
  ]);
}

/** Returns the folders of the files, each before its content. */
function foldersOf(paths: readonly string[]): InitramfsFile[] {
  const folders = paths.flatMap((path) => {
    const words = path.split("/").slice(0, -1);
    return words.map((_, at) => words.slice(0, at + 1).join("/"));
  });
  return [...new Set(folders)].toSorted().map((path) => ({ path, kind: "directory" }));
}

/** Returns the command that runs the machine. The console is its standard output. */
export function machineWords(
  folder: TemporaryFolder,
  { initramfs, disks }: { readonly initramfs: string; readonly disks: readonly string[] },
): string[] {
  const kernel = folder.in("kernel");
  writeFileSync(kernel, guestKernel().kernel);
  return [
    ..."timeout 300 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 1024 -nodefaults".split(
      " ",
    ),
    ..."-display none -serial stdio -no-reboot".split(" "),
    ..."-netdev user,id=net -device virtio-net-pci,netdev=net,romfile=".split(" "),
    ..."-object rng-random,id=rng,filename=/dev/urandom -device virtio-rng-pci,rng=rng".split(" "),
    ...disks.flatMap((path, index) => [
      "-drive",
      `file=${path},format=raw,if=none,id=disk${index},cache=unsafe`,
      "-device",
      `virtio-blk-pci,drive=disk${index}`,
    ]),
    "-kernel",
    kernel,
    "-initrd",
    initramfs,
    "-append",
    OPTIONS,
  ];
}

/** The control sequence before the next text on a progress line. */
const ERASED = "\u001b[K";

/** Maps a command to the lines of its output; the last one is the status. */
export function resultsOf(console: string): Map<string, string[]> {
  const results = new Map<string, string[]>();
  let output: string[] = [];
  for (const line of console.replaceAll(ERASED, "\n").split(/[\r\n]+/)) {
    if (line.startsWith("run: ")) results.set(line.slice("run: ".length), (output = []));
    else output.push(line);
  }
  return results;
}
