/**
 * Debian's kernel for virtual machines, which scripts/packages.sh puts into dist/kernel, and an initrd that mounts a
 * slot.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { cpio, type InitramfsFile } from "./cpio.ts";

const FOLDER = join(import.meta.dir, "../../dist/kernel");
/** The modules for the disks, the network and the file system of a guest that are not built in. */
const MODULES =
  "virtio_pci virtio_blk virtio_net virtio_rng crc32c_generic ext4 vfat nls_cp437 nls_ascii".split(
    " ",
  );
/** The only watchdog that both this kernel and this virtual machine support. */
const WATCHDOG = "softdog";

/** Runs in the initramfs, because the kernel cannot find PARTUUID= before its disk driver is loaded. */
const INIT = String.raw`#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
hook=/usr/lib/tandem/initramfs
[ -x $hook ] && $hook arm last

# The GUID in the form of the partition table: the bytes of its first three groups are reversed.
for option in $(cat /proc/cmdline); do
  case $option in root=PARTUUID=*) wanted=$(echo "\${option#root=PARTUUID=}" |
    sed -E 's/^(..)(..)(..)(..)-(..)(..)-(..)(..)-(....)-(.*)$/\4\3\2\1\6\5\8\7\9/')\${option##*-} ;; esac
done

find_root() {
  for partition in /sys/class/block/vda*/partition; do
    [ -e "$partition" ] || continue
    number=$(cat $partition)
    guid=$(dd if=/dev/vda bs=16 skip=$((56 + 8 * number + 1)) count=1 2>/dev/null | hexdump -v -e '1/1 "%02x"')
    if [ "$guid" = "$wanted" ]; then root=/dev/vda$number; fi
  done
}

tries=0
while find_root; [ -z "$root" ] && [ $tries -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
if ! mount -t ext4 -o ro $root /root; then
  [ -x $hook ] && $hook give-up "cannot mount $root"
  echo "initrd: cannot mount \$wanted"
  exit 1
fi
if [ ! -x /root/usr/sbin/init ] && [ -x $hook ]; then $hook give-up "there is no init"; fi
mount -o move /dev /root/dev
umount /sys /proc
exec switch_root /root /sbin/init
`.replaceAll("\\$", "$");

export interface GuestKernel {
  readonly version: string;
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
}

export interface KernelSetup {
  /** Files of `tandem hooks` for the initramfs: path → text. They need the watchdog's module, which is added too. */
  readonly hooks?: Readonly<Record<string, string>>;
  /** More modules to load. */
  readonly modules?: readonly string[];
  /** The first process, a script, instead of the one that finds a slot. It loads /modules in the order of /modules/order. */
  readonly init?: string;
}

const made = new Map<string, GuestKernel>();

export function guestKernel(setup: KernelSetup = {}): GuestKernel {
  const key = JSON.stringify(setup);
  const kernel = made.get(key) ?? makeKernel(setup);
  made.set(key, kernel);
  return kernel;
}

export function busybox(): Uint8Array {
  return readFileSync("/bin/busybox");
}

function makeKernel({ hooks, modules = [], init = INIT }: KernelSetup): GuestKernel {
  const name = readdirSync(join(FOLDER, "boot")).find((file) => file.startsWith("vmlinuz-"));
  if (name === undefined) throw new Error(`Cannot find a kernel in ${FOLDER}: run make packages`);
  const version = name.slice("vmlinuz-".length);
  const names = [...MODULES, ...(hooks === undefined ? [] : [WATCHDOG]), ...modules];
  return {
    version,
    kernel: readFileSync(join(FOLDER, "boot", name)),
    initrd: gzipSync(cpio([...initramfs(init, modulesFor(version, names)), ...hookFiles(hooks)]), {
      level: 6,
    }),
  };
}

function initramfs(init: string, modules: readonly Module[]): InitramfsFile[] {
  const order = modules.map(({ path }) => basename(path)).join("\n");
  return [
    ...["bin", "dev", "modules", "proc", "root", "sys"].map((path): InitramfsFile => ({
      path,
      kind: "directory",
    })),
    { path: "dev/console", kind: "character", major: 5, minor: 1 },
    { path: "init", kind: "file", data: init, mode: 0o755 },
    { path: "bin/busybox", kind: "file", data: busybox(), mode: 0o755 },
    { path: "modules/order", kind: "file", data: order },
    ...modules.map(({ path, data }): InitramfsFile => ({
      path: `modules/${basename(path)}`,
      kind: "file",
      data,
    })),
  ];
}

function hookFiles(hooks: KernelSetup["hooks"] = {}): InitramfsFile[] {
  const folders = new Set(
    Object.keys(hooks).flatMap((path) =>
      path.split("/").map((_, depth, names) => names.slice(0, depth).join("/")),
    ),
  );
  return [
    ...[...folders]
      .filter((path) => path !== "")
      .map((path): InitramfsFile => ({ path, kind: "directory" })),
    ...Object.entries(hooks).map(([path, data]): InitramfsFile => ({
      path,
      kind: "file",
      data,
      mode: 0o755,
    })),
  ];
}

interface Module {
  readonly path: string;
  readonly data: Uint8Array;
}

/** Returns the modules with their dependencies, in the order of loading. */
function modulesFor(version: string, wanted: readonly string[]): Module[] {
  const folder = join(FOLDER, "lib/modules", version);
  const paths = new Map(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ko"))
      .map((path) => [basename(path, ".ko").replaceAll("-", "_"), path]),
  );
  const loaded = new Map<string, Module>();
  const load = (name: string): void => {
    const path = paths.get(name);
    if (loaded.has(name) || path === undefined) return; // A module without a file is built in.
    const data = readFileSync(join(folder, path));
    for (const needed of dependencies(data)) load(needed);
    loaded.set(name, { path, data });
  };
  for (const name of wanted) load(name);
  return [...loaded.values()];
}

/** Reads the dependencies from a module's .modinfo section: "depends=mbcache,jbd2" and a NUL. */
function dependencies(module: Buffer): string[] {
  const start = module.indexOf("\0depends=") + "\0depends=".length;
  const names = module.toString("latin1", start, module.indexOf(0, start));
  return names
    .split(",")
    .filter((name) => name !== "")
    .map((name) => name.replaceAll("-", "_"));
}
