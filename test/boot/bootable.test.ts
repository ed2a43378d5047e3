import { expect, test } from "bun:test";
import { findBootable, type Bootable } from "../../src/boot/bootable.ts";
import { NO_INITRD } from "../../src/boot/start-files.ts";
import { TandemError } from "../../src/lib/error.ts";
import { image } from "./tree.ts";

const MODULES = "usr/lib/modules";

interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly want: Partial<Bootable>;
}

const CASES: readonly Case[] = [
  {
    name: "Debian",
    files: { "boot/vmlinuz-6.1": "k", "boot/initrd.img-6.1": "i" },
    want: { kernel: "/boot/vmlinuz-6.1", initrd: "/boot/initrd.img-6.1" },
  },
  {
    name: "the highest version, compared by its numbers",
    files: {
      "boot/vmlinuz-6.10": "k",
      "boot/vmlinuz-6.9": "k",
      "boot/initrd.img-6.10": "i",
      "boot/initrd.img-6.9": "i",
    },
    want: { kernel: "/boot/vmlinuz-6.10", initrd: "/boot/initrd.img-6.10" },
  },
  {
    name: "/boot/vmlinuz before a higher version",
    files: {
      "boot/vmlinuz": "→ vmlinuz-6.1",
      "boot/vmlinuz-6.1": "k",
      "boot/vmlinuz-6.9": "k",
      "boot/initrd-6.1": "i",
      "boot/initrd-6.9": "i",
    },
    want: { kernel: "/boot/vmlinuz-6.1", initrd: "/boot/initrd-6.1" },
  },
  {
    name: "absolute symlinks, as Kairos has them",
    files: {
      "boot/vmlinuz": "→ /boot/vmlinuz-6.1",
      "boot/vmlinuz-6.1": "k",
      "boot/initrd": "→ /boot/initrd-6.1",
      "boot/initrd-6.1": "i",
    },
    want: { kernel: "/boot/vmlinuz-6.1", initrd: "/boot/initrd-6.1" },
  },
  {
    name: "plain names",
    files: { "boot/vmlinuz": "k", "boot/initrd.img": "i" },
    want: { kernel: "/boot/vmlinuz", initrd: "/boot/initrd.img" },
  },
  {
    name: "a dangling /boot/vmlinuz is none",
    files: { "boot/vmlinuz": "→ gone", "boot/vmlinuz-6.1": "k", "boot/initramfs-6.1.img": "i" },
    want: { kernel: "/boot/vmlinuz-6.1", initrd: "/boot/initramfs-6.1.img" },
  },
  {
    name: "Fedora, all in the folder of the modules",
    files: { [`${MODULES}/6.1/vmlinuz`]: "k", [`${MODULES}/6.1/initramfs.img`]: "i" },
    want: { kernel: `/${MODULES}/6.1/vmlinuz`, initrd: `/${MODULES}/6.1/initramfs.img` },
  },
  {
    name: "at equal versions the one in /boot",
    files: {
      [`${MODULES}/6.1/vmlinuz`]: "k",
      "boot/vmlinuz-6.1": "k",
      [`${MODULES}/6.1/initrd`]: "i",
    },
    want: { kernel: "/boot/vmlinuz-6.1", initrd: `/${MODULES}/6.1/initrd` },
  },
  {
    name: "Alpine",
    files: { "boot/vmlinuz-lts": "k", "boot/initramfs-lts": "i" },
    want: { kernel: "/boot/vmlinuz-lts", initrd: "/boot/initramfs-lts" },
  },
  {
    name: "a kernel that needs no initrd",
    files: { "boot/vmlinuz-6.1": "k", "boot/initrd-6.1": "i", [NO_INITRD.slice(1)]: "" },
    want: { kernel: "/boot/vmlinuz-6.1", initrd: undefined },
  },
  {
    name: "options",
    files: { "boot/vmlinuz": "k", "boot/initrd": "i", "usr/lib/kernel/cmdline": "quiet\n" },
    want: { options: "quiet" },
  },
  {
    name: "options of the administrator before those of the vendor",
    files: {
      "boot/vmlinuz": "k",
      "boot/initrd": "i",
      "usr/lib/kernel/cmdline": "quiet",
      "etc/kernel/cmdline": "debug",
    },
    want: { options: "debug" },
  },
];

test.each(CASES.map((one) => [one.name, one] as const))(
  "findBootable() finds: %s",
  (_, { files, want }) => {
    const { root, read } = image(files);
    expect(findBootable(root, read)).toMatchObject(want);
  },
);

test.each([
  [{ "etc/motd": "" }, "has no kernel"],
  [{ "boot/vmlinuz-6.1/nested": "" }, "has no kernel"],
  [{ "boot/vmlinuz-6.1": "k", "boot/initrd-6.2": "" }, "has no initrd at /boot/initrd.img-6.1"],
  [{ "boot/vmlinuz-6 1": "k", "boot/initrd": "i" }, 'its kernel "/boot/vmlinuz-6 1"'],
  [{ "boot/vmlinuz": "→ vmlinuz-ü", "boot/vmlinuz-ü": "k", "boot/initrd": "i" }, "its kernel"],
  [
    { "boot/vmlinuz": "k", "boot/initrd": "i", "etc/kernel/cmdline": "x".repeat(9000) },
    "longer than 1536 bytes",
  ],
])("findBootable() refuses %j", (files, message) => {
  const { root, read } = image(files);
  const refused = expect(() => findBootable(root, read));
  refused.toThrow(TandemError);
  refused.toThrow(message);
});
