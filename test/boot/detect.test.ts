import { expect, test } from "bun:test";
import { detectLoader } from "../../src/boot/detect.ts";
import { LOADERS } from "../../src/boot/loaders.ts";
import { memoryEsp } from "./esp/memory-esp.ts";

const GRUB = { "/tandem/grub.cfg": "script", "/EFI/BOOT/BOOTX64.EFI": "GRUB" };
const CONF = { "/loader/loader.conf": "timeout 0" };
const FALLBACK = { ...CONF, "/EFI/BOOT/BOOTX64.EFI": "systemd-boot" };
const INSTALLED = { ...CONF, "/EFI/systemd/systemd-bootx64.efi": "systemd-boot" };

test.each([
  [GRUB, "auto", "grub", "/tandem/grub.cfg"],
  [FALLBACK, "auto", "systemd-boot", "/loader/loader.conf, /EFI/BOOT/BOOTX64.EFI"],
  [INSTALLED, "auto", "systemd-boot", "/loader/loader.conf, /EFI/systemd/systemd-bootx64.efi"],
  [
    { "/loader/entries/tandem-a.conf": "torn", "/EFI/BOOT/BOOTX64.EFI": "systemd-boot" },
    "auto",
    "systemd-boot",
    "/loader/entries/tandem-a.conf, /EFI/BOOT/BOOTX64.EFI",
  ],
  [
    { "/EFI/systemd/systemd-bootx64.efi": "systemd-boot" },
    "auto",
    "systemd-boot",
    "/EFI/systemd/systemd-bootx64.efi",
  ],
  [
    { ...GRUB, "/EFI/systemd/systemd-bootx64.efi": "left over" },
    "auto",
    "grub",
    "/tandem/grub.cfg",
  ],
  [GRUB, "systemd-boot", "systemd-boot", "it is configured"],
  [INSTALLED, "grub", "grub", "it is configured"],
  [undefined, "auto", "grub", "there is no EFI system partition"],
  [undefined, "grub", "grub", "it is configured"],
] as const)("detectLoader() of %j with %s is %s", async (...row) => {
  const [files, choice, name, seen] = row;
  const esp = files === undefined ? undefined : await memoryEsp(files);
  const detected = detectLoader(LOADERS, choice, () => esp);
  expect([detected.loader.name, detected.seen]).toEqual([name, seen]);
});

function refuse(): never {
  throw new Error("the ESP was opened");
}

test("the ESP is not opened for a loader that is configured", () => {
  expect(detectLoader(LOADERS, "grub", refuse).loader.name).toBe("grub");
});

test.each([
  [
    { ...GRUB, ...CONF },
    "auto",
    "has files of both GRUB and systemd-boot: /tandem/grub.cfg, /loader",
  ],
  [
    { "/EFI/BOOT/BOOTX64.EFI": "GRUB" },
    "auto",
    "has neither /tandem/grub.cfg nor /loader/loader.conf",
  ],
  [CONF, "auto", "has neither"],
  [{}, "auto", "has neither"],
] as const)("detectLoader() of %j with %s says why not: %s", async (files, choice, why) => {
  const esp = await memoryEsp(files);
  expect(() => detectLoader(LOADERS, choice, () => esp)).toThrow(why);
});
