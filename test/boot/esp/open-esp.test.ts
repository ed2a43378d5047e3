import { expect, test } from "bun:test";
import { contentOf } from "../../../src/boot/esp/esp.ts";
import { type EspRoute, openEsp } from "../../../src/boot/esp/open-esp.ts";
import { Fat } from "../../../src/fat/fat.ts";
import { defined } from "../../../src/lib/assert.ts";
import type { Layout } from "../../../src/slot/layout.ts";
import { openLayout } from "../../../src/slot/layouts.ts";
import { type DurableFiles, durableFiles } from "../../../src/system/durable-files.ts";
import { ESP_TYPE, gptImage } from "../../disk/gpt-image.ts";
import { fatImage } from "../../fakes/fat-image.ts";
import { kernelMachine, type KernelMachine } from "../../slot/kernel-disk.ts";

const MiB = 1024 ** 2;
const SECTORS = MiB / 512;

/** A disk whose ESP is partition 4, with these mounts. */
function machine(mounts: string, more: { readonly fat?: boolean } = {}): KernelMachine {
  const image = gptImage({
    sizeBytes: 16 * MiB,
    partitions: [
      { label: "tandem-control", firstLba: SECTORS, lastLba: 2 * SECTORS - 1 },
      { label: "tandem-a", firstLba: 2 * SECTORS, lastLba: 3 * SECTORS - 1 },
      { label: "tandem-b", firstLba: 3 * SECTORS, lastLba: 4 * SECTORS - 1 },
      { label: "EFI", firstLba: 4 * SECTORS, lastLba: 12 * SECTORS - 1, type: ESP_TYPE },
    ],
  });
  const kernel = kernelMachine({ disks: { sda: image }, mountinfo: mounts });
  const esp = more.fat === false ? image : fatImage(16);
  return {
    ...kernel,
    openBlock(path, access) {
      const block = kernel.openBlock(path, access);
      return path === "/dev/sda4" ? esp.file("EFI") : block;
    },
  };
}

const mount = (root: string, path: string, options: string): string =>
  `30 1 8:4 ${root} ${path} ${options} shared:1 - vfat /dev/sda4 rw\n`;

function wayOn(layout: Layout, files: DurableFiles = durableFiles): EspRoute {
  const { diskPath, esps } = layout;
  return { files, diskPath, esp: defined(esps[0], "the ESP") };
}

function nameOf(mounts: string, write: boolean): { name: string; opened: string[] } {
  const kernel = machine(mounts);
  const layout = openLayout(kernel, { disk: "/dev/sda" });
  kernel.opened.length = 0;
  const { name } = openEsp(wayOn(layout), { write });
  return { name, opened: kernel.opened };
}

test.each([
  ["not mounted, to read", "", false, "EFI on /dev/sda", ["r /dev/sda4"]],
  ["not mounted, to write", "", true, "EFI on /dev/sda", ["held /dev/sda4"]],
  ["mounted", mount("/", "/efi", "rw"), true, "the ESP at /efi", []],
  ["mounted twice", mount("/", "/ro", "ro") + mount("/", "/rw", "rw"), true, "the ESP at /rw", []],
  ["mounted read-only", mount("/", "/efi", "ro"), true, "the ESP at /efi", []],
  [
    "in part as well",
    mount("/EFI", "/mnt", "rw") + mount("/", "/b", "rw"),
    true,
    "the ESP at /b",
    [],
  ],
] as const)("openEsp() of an ESP that is %s", (...row) => {
  const [, mounts, write, name, opened] = row;
  expect(nameOf(mounts, write)).toEqual({ name, opened: [...opened] });
});

test("openEsp() refuses an ESP that is mounted only in part", () => {
  expect(() => nameOf(mount("/EFI", "/mnt", "rw"), false)).toThrow(
    "Cannot use the EFI system partition of /dev/sda: only parts of it are mounted, /EFI at /mnt",
  );
});

test("openEsp() without a file system throws `boot`", () => {
  const layout = openLayout(machine("", { fat: false }), { disk: "/dev/sda" });
  expect(() => openEsp(wayOn(layout), { write: false })).toThrow(
    expect.objectContaining({ code: "boot" }),
  );
});

test("openEsp() reads again what other programs have written, before it changes anything", async () => {
  const image = fatImage(16);
  const kernel = machine("");
  const layout = openLayout(
    {
      ...kernel,
      openBlock: (path, access) =>
        path === "/dev/sda4" ? image.file("EFI") : kernel.openBlock(path, access),
    },
    { disk: "/dev/sda" },
  );
  const esp = openEsp(wayOn(layout), { write: true });
  expect(esp.list("/")).toEqual([]);
  const theirs = Buffer.alloc(100_000, "theirs");
  await Fat.open(image.file("EFI")).write("/other.bin", {
    sizeBytes: theirs.byteLength,
    read: () => [theirs],
  });
  await esp.write("/ours.bin", contentOf("ours".repeat(50_000)));
  const after = Fat.open(image.file("EFI"));
  expect(
    Buffer.concat([...(after.read("/other.bin")?.read() ?? [])].map((chunk) => Buffer.from(chunk))),
  ).toEqual(theirs);
  expect(after.flaw()).toBeUndefined();
  expect(esp.list("/")?.map(({ name }) => name)).toEqual(["other.bin", "ours.bin"]);
});

test("openEsp() uses a mount that was made meanwhile, and its own FAT after an unmount", async () => {
  const kernel = machine("");
  let mounts = "";
  const layout = openLayout(
    {
      ...kernel,
      files: {
        ...kernel.files,
        readText: (path) =>
          path === "/proc/self/mountinfo" ? mounts : kernel.files.readText(path),
      },
    },
    { disk: "/dev/sda" },
  );
  const seen: string[] = [];
  const files = {
    ...durableFiles,
    list: (path: string) => (seen.push(path), []),
  };
  const esp = openEsp(wayOn(layout, files), { write: true });
  kernel.opened.length = 0;
  mounts = mount("/", "/efi", "rw");
  esp.list("/loader");
  expect([seen, kernel.opened]).toEqual([["/efi/loader"], []]);
  mounts = "";
  esp.list("/");
  expect([seen, kernel.opened]).toEqual([["/efi/loader"], ["r /dev/sda4"]]);
});
