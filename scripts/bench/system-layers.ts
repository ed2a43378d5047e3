/** An operating system as layers: a base, a kernel, programs, and a last layer of changes, as distributions build them. */
import { MiB } from "../../src/lib/units.ts";
import type { TarMember } from "../../test/peers/tar.ts";
import { randomBytes } from "./filler.ts";
import { dependencyOf, downloadPackages, packageMembers } from "./packages.ts";

const KERNEL = "linux-image-cloud-amd64";
const INITRD_BYTES = 16 * MiB;

/**
 * Packages with a typical mix of files: about 480 MB in 16,000 files, with set-user-ID programs and hard links. The result does not
 * boot.
 */
const BASE = `
  libc6 libc-bin bash coreutils dpkg apt perl-base tzdata passwd util-linux mount systemd udev kmod iproute2 iputils-ping
  openssl libssl3 ca-certificates sudo openssh-client openssh-server e2fsprogs locales xkb-data grub-common busybox-static
`;
const PROGRAMS = `
  libpython3.11-minimal libpython3.11-stdlib python3.11-minimal python3-pip python3-setuptools perl-modules-5.36 vim-runtime
  libllvm15 shared-mime-info libc6-dev linux-libc-dev fonts-dejavu-core ncurses-term
`;

/** `count` layers of the same system. A single layer deletes nothing, because there is no layer below. */
export async function systemLayers(folder: string, count: number): Promise<TarMember[][]> {
  const kernel = await dependencyOf(KERNEL);
  const base = words(BASE);
  const names = [...base, kernel, ...words(PROGRAMS)];
  const files = await downloadPackages(folder, names);
  const packages = await Promise.all(files.map((file) => packageMembers(file)));
  const initrd = kernel.replace("linux-image-", "boot/initrd.img-");
  packages[base.length]?.push({ path: initrd, data: initrdBytes(initrd) });
  if (count === 1) return [oneLayer([skeleton(), ...packages])];
  const groups =
    count === 4
      ? [
          packages.slice(0, base.length),
          [packages[base.length] ?? []],
          packages.slice(base.length + 1),
        ]
      : dealt(packages, count - 1);
  const lower = groups.map((group, index) =>
    oneLayer(index === 0 ? [skeleton(), ...group] : group),
  );
  return [...lower, changes(lower.flat())];
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** Spreads the packages over `count` layers. */
function dealt(packages: readonly TarMember[][], count: number): TarMember[][][] {
  return Array.from({ length: count }, (_, layer) =>
    packages.filter((__, index) => index % count === layer),
  );
}

/** Many packages contain the same directory; a layer lists it once. Capabilities are set here, because the packages' scripts do not run. */
function oneLayer(packages: readonly (readonly TarMember[])[]): TarMember[] {
  const seen = new Set<string>();
  return packages.flat().flatMap((member) => {
    if (seen.has(member.path)) return [];
    seen.add(member.path);
    if (member.path !== "usr/bin/ping") return [member];
    return [{ ...member, xattrs: { "security.capability": CAP_NET_RAW } }];
  });
}

/** cap_net_raw=ep, revision 2 (linux/capability.h). */
const CAP_NET_RAW = Buffer.from("0100000200200000000000000000000000000000", "hex");

/** Entries that no package has: the root directory, a merged /usr, device nodes, accounts other than root. */
function skeleton(): TarMember[] {
  const links = ["bin", "sbin", "lib", "lib64"].map((name): TarMember => ({
    path: name,
    kind: "symlink",
    target: `usr/${name}`,
  }));
  const folders = ["usr", ...["bin", "sbin", "lib", "lib64"].map((name) => `usr/${name}`)];
  return [
    { path: "./", kind: "directory", mtime: "1700000000" },
    ...folders.map((path): TarMember => ({ path, kind: "directory" })),
    ...links,
    ...["proc", "sys", "run", "dev", "etc", "home", "var"].map((path): TarMember => ({
      path,
      kind: "directory",
    })),
    { path: "tmp", kind: "directory", mode: 0o1777 },
    { path: "root", kind: "directory", mode: 0o700 },
    { path: "dev/console", kind: "character", major: 5, minor: 1, mode: 0o600 },
    { path: "dev/null", kind: "character", major: 1, minor: 3, mode: 0o666 },
    { path: "dev/sda", kind: "block", major: 8, minor: 0, gid: 6, mode: 0o660 },
    { path: "run/initctl", kind: "fifo", mode: 0o600 },
    { path: "home/user", kind: "directory", uid: 1000, gid: 1000, mode: 0o750 },
    {
      path: "home/user/note",
      data: "Hello.\n",
      uid: 1000,
      gid: 1000,
      mtime: "1700000000.123456789",
    },
    { path: "home/user/twin", kind: "hardlink", target: "home/user/note" },
    { path: "home/user/third", kind: "hardlink", target: "home/user/twin" },
    { path: "home/far", kind: "directory", uid: 3_000_000, gid: 4_000_000 },
    {
      path: "home/far/tagged",
      data: "x",
      uid: 3_000_000,
      xattrs: { "user.tag": Buffer.from("a\0b") },
    },
    { path: "etc/kernel", kind: "directory" },
    { path: "etc/kernel/cmdline", data: "console=ttyS0 quiet\n" },
  ];
}

/**
 * The last layer: half of the manuals deleted, a directory made opaque, another one replaced by a link, programs replaced, and a
 * link to a file of a lower layer.
 */
function changes(lower: readonly TarMember[]): TarMember[] {
  const files = lower.filter((member) => "data" in member);
  const deleted = files
    .filter(({ path }) => path.startsWith("usr/share/man/"))
    .filter((_, index) => index % 2 === 0)
    .map(({ path }): TarMember => ({ path: path.replace(/[^/]+$/, ".wh.$&"), data: "" }));
  const replaced = files
    .filter(({ path }) => /^usr\/lib\/python3.11\/.*\.py$/.test(path))
    .map(({ path, data }): TarMember => ({ path, data, mtime: "1710000000.5", uid: 1000 }));
  return [
    { path: "etc/os-release", data: "ID=reference\nVERSION_ID=4\n", mtime: "1710000000.000000001" },
    { path: "usr/share/locale", kind: "directory" },
    { path: "usr/share/locale/.wh..wh..opq", data: "" },
    { path: "usr/share/locale/only", data: "One language is enough.\n" },
    { path: "usr/share/lintian", kind: "symlink", target: "doc" },
    { path: "usr/bin/python", kind: "hardlink", target: "usr/bin/python3.11" },
    ...deleted,
    ...replaced,
  ];
}

/** Bytes that look like an initrd compressed by Zstandard. */
function initrdBytes(seed: string): Uint8Array {
  const bytes = Uint8Array.from(randomBytes(seed, INITRD_BYTES));
  bytes.set([0x28, 0xb5, 0x2f, 0xfd]);
  return bytes;
}
