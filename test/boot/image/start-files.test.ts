import { expect, test } from "bun:test";
import { findStartFiles, NO_INITRD } from "../../../src/boot/image/start-files.ts";
import { TandemError } from "../../../src/lib/error.ts";
import { image } from "../tree.ts";

const MODULES = "usr/lib/modules";
const DEBIAN = "6.1.0-30-amd64";
const FEDORA = "6.12.0-1.fc41.x86_64";
const SUSE = "6.4.0-1-default";

/** The files of one kernel with its initrd in Debian. */
const debian = (version: string): Record<string, string> => ({
  [`boot/vmlinuz-${version}`]: "k",
  [`boot/initrd.img-${version}`]: "i",
});

interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  /** Kernel and initrd. */
  readonly want: readonly [string, string | undefined];
}

/** The pair of Debian's version 6.1.0-30. */
const OWN = [`/boot/vmlinuz-${DEBIAN}`, `/boot/initrd.img-${DEBIAN}`] as const;
const FEDORAS = [`/boot/vmlinuz-${FEDORA}`, `/boot/initramfs-${FEDORA}.img`] as const;
const fedora = { [FEDORAS[0].slice(1)]: "k", [FEDORAS[1].slice(1)]: "i" };

const LEFTOVERS = [
  ".old",
  ".bak",
  ".dpkg-bak",
  ".dpkg-new",
  ".dpkg-old.1",
  ".rpmsave",
  ".rpmnew",
  ".pacnew",
  ".hmac",
  ".sig",
  ".sha512hmac",
  "~",
  ";5f3a9c01",
];

const CASES: readonly Case[] = [
  {
    name: "the newest with an initrd of its own, though a newer one has none",
    files: {
      ...debian(DEBIAN),
      "boot/vmlinuz-6.1.0-31-amd64": "k",
      "boot/initrd.img": `→ initrd.img-${DEBIAN}`,
    },
    want: OWN,
  },
  {
    name: "the newest of two that have one",
    files: { ...debian("6.1.0-9-amd64"), ...debian(DEBIAN) },
    want: OWN,
  },
  ...LEFTOVERS.map((end): Case => ({
    name: `VERSION and not VERSION${end}`,
    files: {
      ...debian(DEBIAN),
      [`boot/vmlinuz-${DEBIAN}${end}`]: "k",
      "boot/initrd.img": `→ initrd.img-${DEBIAN}`,
    },
    want: OWN,
  })),
  ...LEFTOVERS.map((end): Case => ({
    name: `VERSION and not VERSION${end} with an initrd, or without need of one`,
    files: { ...debian(DEBIAN), ...debian(`${DEBIAN}${end}`), [NO_INITRD.slice(1)]: "" },
    want: [OWN[0], undefined],
  })),
  {
    name: "no leftover that has an initrd of its own",
    files: { ...debian(DEBIAN), ...debian(`${DEBIAN}.old`) },
    want: OWN,
  },
  {
    name: "no initrd of a crash kernel, and no copy of an initrd",
    files: {
      ...debian(DEBIAN),
      [`boot/initrd.img-${DEBIAN}.kdump`]: "i",
      [`boot/initramfs-${DEBIAN}kdump.img`]: "i",
      [`boot/initrd.img-${DEBIAN}.dpkg-bak`]: "i",
      [`boot/initrd-${DEBIAN}-kdump`]: "i",
    },
    want: OWN,
  },
  {
    name: "no microcode",
    files: {
      "boot/amd-ucode.img": "m",
      "boot/intel-ucode.img": "m",
      "boot/initramfs-linux-fallback.img": "i",
      "boot/initramfs-linux.img": "i",
      "boot/vmlinuz-linux": "k",
      [`${MODULES}/6.12.1-arch1-1/vmlinuz`]: "k",
    },
    want: ["/boot/vmlinuz-linux", "/boot/initramfs-linux.img"],
  },
  {
    name: "Fedora's kernel before its rescue kernel and its debug kernel",
    files: {
      ...fedora,
      [`boot/vmlinuz-${FEDORA}+debug`]: "k",
      [`boot/initramfs-${FEDORA}+debug.img`]: "i",
      "boot/vmlinuz-0-rescue-4b8d": "k",
      "boot/initramfs-0-rescue-4b8d.img": "i",
      [`boot/.vmlinuz-${FEDORA}.hmac`]: "h",
    },
    want: FEDORAS,
  },
  {
    name: "a kernel with a plain initrd before a rescue kernel with its own",
    files: {
      "boot/vmlinuz-6.12": "k",
      "boot/initramfs.img": "i",
      "boot/vmlinuz-0-rescue-4b8d": "k",
      "boot/initramfs-0-rescue-4b8d.img": "i",
    },
    want: ["/boot/vmlinuz-6.12", "/boot/initramfs.img"],
  },
  {
    name: "a debug kernel where there is nothing else",
    files: { ...debian("6.12+debug") },
    want: ["/boot/vmlinuz-6.12+debug", "/boot/initrd.img-6.12+debug"],
  },
  {
    name: "bootc: all in the folder of the modules, and a debug kernel without an initrd",
    files: {
      [`${MODULES}/${FEDORA}/vmlinuz`]: "k",
      [`${MODULES}/${FEDORA}/initramfs.img`]: "i",
      [`${MODULES}/${FEDORA}+debug/vmlinuz`]: "k",
      [`${MODULES}/${FEDORA}+debug/vmlinuz.hmac`]: "h",
    },
    want: [`/${MODULES}/${FEDORA}/vmlinuz`, `/${MODULES}/${FEDORA}/initramfs.img`],
  },
  {
    name: "SUSE: links in /boot to the folder of the modules",
    files: {
      "boot/vmlinuz": `→ vmlinuz-${SUSE}`,
      [`boot/vmlinuz-${SUSE}`]: `→ ../${MODULES}/${SUSE}/vmlinuz`,
      [`${MODULES}/${SUSE}/vmlinuz`]: "k",
      "boot/initrd": `→ initrd-${SUSE}`,
      [`boot/initrd-${SUSE}`]: "i",
    },
    want: [`/${MODULES}/${SUSE}/vmlinuz`, `/boot/initrd-${SUSE}`],
  },
  {
    name: "Mageia",
    files: { "boot/vmlinuz-6.6-desktop": "k", "boot/initrd-6.6-desktop.img": "i" },
    want: ["/boot/vmlinuz-6.6-desktop", "/boot/initrd-6.6-desktop.img"],
  },
  {
    name: "Ubuntu: the link of the newest before the link of the old one",
    files: {
      ...debian("6.8.0-40-generic"),
      ...debian("6.8.0-41-generic"),
      "boot/vmlinuz": "→ vmlinuz-6.8.0-41-generic",
      "boot/vmlinuz.old": "→ vmlinuz-6.8.0-40-generic",
      "boot/initrd.img": "→ initrd.img-6.8.0-41-generic",
      "boot/initrd.img.old": "→ initrd.img-6.8.0-40-generic",
    },
    want: ["/boot/vmlinuz-6.8.0-41-generic", "/boot/initrd.img-6.8.0-41-generic"],
  },
  {
    name: "another kernel than /boot/vmlinuz leads to when that has no initrd of its own",
    files: {
      ...debian(DEBIAN),
      "boot/vmlinuz": "→ vmlinuz-6.1.0-31-amd64",
      "boot/vmlinuz-6.1.0-31-amd64": "k",
      "boot/initrd.img": `→ initrd.img-${DEBIAN}`,
    },
    want: OWN,
  },
  {
    name: "/boot/vmlinuz with a plain initrd, though an older kernel has its own",
    files: {
      ...debian(DEBIAN),
      "boot/vmlinuz": "→ vmlinuz-6.9",
      "boot/vmlinuz-6.9": "k",
      "boot/initrd": "i",
    },
    want: ["/boot/vmlinuz-6.9", "/boot/initrd"],
  },
  {
    name: "no empty kernel and no empty initrd",
    files: {
      ...debian(DEBIAN),
      "boot/vmlinuz": "",
      "boot/vmlinuz-6.1.0-31-amd64": "",
      "boot/initrd.img-6.1.0-31-amd64": "i",
      "boot/vmlinuz-6.1.0-32-amd64": "k",
      "boot/initrd.img-6.1.0-32-amd64": "",
    },
    want: OWN,
  },
  {
    name: "an initrd that is a link under the kernel's own version",
    files: {
      ...debian(DEBIAN),
      "boot/vmlinuz-6.9": "k",
      "boot/initrd-6.9": `→ initrd.img-${DEBIAN}`,
    },
    want: ["/boot/vmlinuz-6.9", `/boot/initrd.img-${DEBIAN}`],
  },
];

test.each(CASES.map((one) => [one.name, one] as const))(
  "findStartFiles() takes %s",
  (_, { files, want }) => {
    const { kernel, initrd } = findStartFiles(image(files).root);
    expect([kernel.path, initrd?.path]).toEqual([...want]);
  },
);

test.each([
  [{ "boot/vmlinuz-6.1": "", "boot/initrd.img-6.1": "i" }, "has no kernel"],
  [{ "boot/vmlinuz-6.1": "k", "boot/initrd.img-6.1": "" }, "/boot/vmlinuz-6.1 has no initrd at"],
  [{ "boot/vmlinuz-6.1.old": "k", "boot/initrd.img-6.1.old": "i" }, "has no kernel"],
  [
    { "boot/vmlinuz-6.2": "k", "boot/initrd.img": "→ initrd.img-6.1", "boot/initrd.img-6.1": "i" },
    "/boot/vmlinuz-6.2 has no initrd at",
  ],
  [{ "boot/vmlinuz-6.2": "k", "boot/vmlinuz-6.3": "k" }, "nor has any other of its 2 kernels"],
  [{ "boot/intel-ucode.img": "m", "boot/vmlinuz-linux": "k" }, "has no initrd"],
])("findStartFiles() refuses %j: %s", (files, message) => {
  const refused = expect(() => findStartFiles(image(files).root));
  refused.toThrow(TandemError);
  refused.toThrow(message);
});
