import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { findBootable, type Bootable } from "../../../src/boot/image/bootable.ts";
import { NO_INITRD } from "../../../src/boot/image/start-files.ts";
import { TandemError } from "../../../src/lib/error.ts";
import { initrdOf, kernelOf } from "../../fakes/boot-files.ts";
import { cpio } from "../../e2e/cpio.ts";
import { image } from "../tree.ts";

const [K, I] = [kernelOf("k"), initrdOf("i")];
const ARM64 = Buffer.concat([Buffer.alloc(0x38), Buffer.from("ARMd")]);
const MODULES = "usr/lib/modules";

interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly want: Partial<Bootable>;
}

const CASES: readonly Case[] = [
  {
    name: "Debian",
    files: { "boot/vmlinuz-6.1": K, "boot/initrd.img-6.1": I },
    want: { kernel: "/boot/vmlinuz-6.1", initrd: "/boot/initrd.img-6.1" },
  },
  {
    name: "the highest version, compared by its numbers",
    files: {
      "boot/vmlinuz-6.10": K,
      "boot/vmlinuz-6.9": K,
      "boot/initrd.img-6.10": I,
      "boot/initrd.img-6.9": I,
    },
    want: { kernel: "/boot/vmlinuz-6.10", initrd: "/boot/initrd.img-6.10" },
  },
  {
    name: "/boot/vmlinuz before a higher version",
    files: {
      "boot/vmlinuz": "→ vmlinuz-6.1",
      "boot/vmlinuz-6.1": K,
      "boot/vmlinuz-6.9": K,
      "boot/initrd-6.1": I,
      "boot/initrd-6.9": I,
    },
    want: { kernel: "/boot/vmlinuz-6.1", initrd: "/boot/initrd-6.1" },
  },
  {
    name: "absolute symlinks, as Kairos has them",
    files: {
      "boot/vmlinuz": "→ /boot/vmlinuz-6.1",
      "boot/vmlinuz-6.1": K,
      "boot/initrd": "→ /boot/initrd-6.1",
      "boot/initrd-6.1": I,
    },
    want: { kernel: "/boot/vmlinuz-6.1", initrd: "/boot/initrd-6.1" },
  },
  {
    name: "plain names",
    files: { "boot/vmlinuz": K, "boot/initrd.img": I },
    want: { kernel: "/boot/vmlinuz", initrd: "/boot/initrd.img" },
  },
  {
    name: "a dangling /boot/vmlinuz is none",
    files: { "boot/vmlinuz": "→ gone", "boot/vmlinuz-6.1": K, "boot/initramfs-6.1.img": I },
    want: { kernel: "/boot/vmlinuz-6.1", initrd: "/boot/initramfs-6.1.img" },
  },
  {
    name: "Fedora, all in the folder of the modules",
    files: { [`${MODULES}/6.1/vmlinuz`]: K, [`${MODULES}/6.1/initramfs.img`]: I },
    want: { kernel: `/${MODULES}/6.1/vmlinuz`, initrd: `/${MODULES}/6.1/initramfs.img` },
  },
  {
    name: "at equal versions the one in /boot",
    files: {
      [`${MODULES}/6.1/vmlinuz`]: K,
      "boot/vmlinuz-6.1": K,
      [`${MODULES}/6.1/initrd`]: I,
    },
    want: { kernel: "/boot/vmlinuz-6.1", initrd: `/${MODULES}/6.1/initrd` },
  },
  {
    name: "Alpine",
    files: { "boot/vmlinuz-lts": K, "boot/initramfs-lts": I },
    want: { kernel: "/boot/vmlinuz-lts", initrd: "/boot/initramfs-lts" },
  },
  {
    name: "a kernel that needs no initrd",
    files: {
      "boot/vmlinuz-6.1": K,
      "boot/initrd-6.1": I,
      [NO_INITRD.slice(1)]: "",
      "sbin/init": "",
    },
    want: { kernel: "/boot/vmlinuz-6.1", initrd: undefined },
  },
  {
    name: "options",
    files: { "boot/vmlinuz": K, "boot/initrd": I, "usr/lib/kernel/cmdline": "quiet\n" },
    want: { options: "quiet" },
  },
  {
    name: "options of the administrator before those of the vendor",
    files: {
      "boot/vmlinuz": K,
      "boot/initrd": I,
      "usr/lib/kernel/cmdline": "quiet",
      "etc/kernel/cmdline": "debug",
    },
    want: { options: "debug" },
  },
];

test.each(CASES.map((one) => [one.name, one] as const))(
  "findBootable() finds: %s",
  (_, { files, want }) => {
    expect(findBootable(image(files), "amd64")).toMatchObject(want);
  },
);

test.each([
  [{ "etc/motd": "" }, "has no kernel"],
  [{ "boot/vmlinuz-6.1/nested": "" }, "has no kernel"],
  [{ "boot/vmlinuz-6.1": K, "boot/initrd-6.2": "" }, "has no initrd at /boot/initrd.img-6.1"],
  [{ "boot/vmlinuz-6 1": K, "boot/initrd": I }, 'its kernel "/boot/vmlinuz-6 1"'],
  [{ "boot/vmlinuz": "→ vmlinuz-ü", "boot/vmlinuz-ü": K, "boot/initrd": I }, "its kernel"],
  [
    { "boot/vmlinuz": K, "boot/initrd": I, "etc/kernel/cmdline": "x".repeat(9000) },
    "longer than 1536 bytes",
  ],
])("findBootable() refuses %j", (files, message) => {
  const refused = expect(() => findBootable(image(files), "amd64"));
  refused.toThrow(TandemError);
  refused.toThrow(message);
});

const CPIO = cpio([{ path: "bin", kind: "directory" }]);
const MICROCODE = cpio([{ path: "kernel/x86", kind: "file", data: "m".repeat(9000) }]);

test.each([
  ["is no Linux kernel", { "boot/vmlinuz": "k".repeat(5000), "boot/initrd": I }],
  ["is for arm64, the machine is amd64", { "boot/vmlinuz": ARM64, "boot/initrd": I }],
  ["is cut off", { "boot/vmlinuz": K.subarray(0, 600), "boot/initrd": I }],
  ["its initrd /boot/initrd is no cpio archive", { "boot/vmlinuz": K, "boot/initrd": "i" }],
  ["there is no init in it", { "boot/vmlinuz": K, "boot/initrd": CPIO }],
  ["there is no init in it", { "boot/vmlinuz": K, "boot/initrd": MICROCODE, "sbin/init": "→ x" }],
  ["there is no init in it", { "boot/vmlinuz": K, [NO_INITRD.slice(1)]: "" }],
  [
    "there is no init in it",
    { "boot/vmlinuz": K, "boot/initrd": CPIO, "sbin/init": "", "etc/kernel/cmdline": "init=/app" },
  ],
] as const)("findBootable() says: %s", (...row) => {
  const [message, files] = row;
  const refused = expect(() => findBootable(image(files), "amd64"));
  refused.toThrow(TandemError);
  refused.toThrow(message);
});

test.each([
  ["its initrd has one", { "boot/initrd": I }],
  ["its initrd has one behind 9 KB", { "boot/initrd": Buffer.concat([MICROCODE, I]) }],
  ["its initrd is compressed", { "boot/initrd": gzipSync(CPIO) }],
  ["/sbin/init leads to one", { "boot/initrd": CPIO, "sbin/init": "→ /app", app: "" }],
  ["it has a shell", { "boot/initrd": CPIO, "bin/sh": "" }],
  ["its options name one", { "boot/initrd": CPIO, app: "", "etc/kernel/cmdline": "init=/app" }],
] as const)("findBootable() takes an image when %s", (...row) => {
  const [, files] = row;
  expect(findBootable(image({ "boot/vmlinuz": K, ...files }), "amd64").kernel).toBe(
    "/boot/vmlinuz",
  );
});
