import { expect, test } from "bun:test";
import { LAYOUT_LOADERS, LOADER_CHOICES, LOADERS } from "../../src/boot/loaders.ts";
import { systemdBoot } from "../../src/boot/systemd-boot/systemd-boot.ts";
import { MiB } from "../../src/lib/units.ts";
import { controlIn } from "../fakes/control.ts";
import { NO_ESP } from "../fakes/machine.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { machineWith, newDisk } from "../fakes/whole-disk.ts";
import { memoryEsp } from "./esp/memory-esp.ts";

test("the configuration takes each loader on an EFI system partition, and auto", () => {
  expect(LOADER_CHOICES).toEqual(["auto", "grub", "systemd-boot"]);
});

test("the schema of status has each loader", async () => {
  const names = [...LOADERS.map(({ name }) => name), ...LAYOUT_LOADERS];
  expect(await Bun.file("schema/status.json").json()).toMatchObject({
    properties: { loader: { properties: { name: { enum: names } } } },
  });
});

test.each([
  [
    "grub",
    ["/tandem/grub.cfg", "/tandem/disk.cfg", "/tandem/tries"],
    ["/tandem/a/linux-1", "/EFI/BOOT/BOOTX64.EFI"],
  ],
  [
    "systemd-boot",
    [
      "/loader/loader.conf",
      "/tandem/options",
      "/loader/entries/fedora.conf",
      "/loader/entries/tandem-a.conf",
    ],
    ["/tandem/a/linux-1", "/EFI/BOOT/BOOTX64.EFI"],
  ],
] as const)("a report has the small files of %s and no programs", async (name, small, large) => {
  const loader = LOADERS.find((one) => one.name === name);
  const paths = [...small, ...large];
  const esp = await memoryEsp(Object.fromEntries(paths.map((path) => [path, "x"])));
  expect(new Set(loader?.files(esp))).toEqual(new Set(small));
  expect(loader?.files(await memoryEsp({}))).toEqual([]);
});

test.each([
  ["grub", ["the slot named when the disk was made", "the menu"]],
  ["systemd-boot", ["as the entries on the EFI system partition tell", "slot b all the same"]],
] as const)("what %s comes to without a record, and when all is used up", async (loader, words) => {
  const { ending } = machineWith((await newDisk(loader)).file()).loader;
  expect([ending.withoutRecord, ending.usedUp("b")]).toEqual([...words]);
});

test("systemd-boot is refused on a disk without an EFI system partition", () => {
  const { loaderData } = controlIn(PagedImage.zeros(MiB).file());
  const places = { loaderData, loaderDataAddress: "1", esp: NO_ESP };
  expect(() => systemdBoot.open(places, { write: false })).toThrow(
    "Cannot use systemd-boot: the disk has no EFI system partition",
  );
});
