import { expect, test } from "bun:test";
import { type TandemEsp, tandemEsp } from "../../../src/boot/esp/choose-esp.ts";
import { contentOf, type Esp, isFile } from "../../../src/boot/esp/esp.ts";
import { LOADERS } from "../../../src/boot/loaders.ts";
import { Fat } from "../../../src/fat/fat.ts";
import { openLayout } from "../../../src/slot/layouts.ts";
import { durableFiles } from "../../../src/system/durable-files.ts";
import { ESP_TYPE, gptImage, type PartitionSetup } from "../../disk/gpt-image.ts";
import { fatImage } from "../../fakes/fat-image.ts";
import { memoryFiles } from "../../fakes/files.ts";
import { PagedImage } from "../../fakes/paged-image.ts";
import { kernelMachine, mounted } from "../../slot/kernel-disk.ts";

const MiB = 1024 ** 2;
const SECTORS = MiB / 512;
const VARIABLE =
  "/sys/firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/** The unique GUID that gptImage() gives a partition. */
const uuidOf = (number: number): string => {
  const byte = `0${number}`;
  return [4, 2, 2, 2, 6].map((bytes) => byte.repeat(bytes)).join("-");
};

/** The files of an ESP; undefined: it has no file system. */
type Files = Readonly<Record<string, string>> | undefined;
const FEDORA = { "/loader/loader.conf": "default fedora*\n", "/loader/entries/fedora.conf": "x" };
const GRUB = { "/tandem/grub.cfg": "script" };
const CONF = { "/loader/loader.conf": "timeout 0\r\ndefault tandem-*\r\n" };

const ownMarks = (esp: Esp): string[] => LOADERS.flatMap((loader) => loader.ownMarks(esp));

async function fatWith(files: Files): Promise<PagedImage> {
  if (files === undefined) return PagedImage.zeros(8 * MiB);
  const image = fatImage(16);
  const fat = Fat.open(image.file("ESP"));
  for (const [path, text] of Object.entries(files)) {
    const names = path.split("/").slice(1, -1);
    for (const index of names.keys())
      await fat.makeFolder(`/${names.slice(0, index + 1).join("/")}`);
    if (!path.endsWith("/")) await fat.write(path, contentOf(text));
  }
  return image;
}

interface Setup {
  readonly esps: readonly Files[];
  /** The kernel's mount table. */
  readonly mounts?: string;
  /** LoaderDevicePartUUID. */
  readonly variable?: string;
}

/** A disk whose first partitions are EFI system partitions "ESP 1", "ESP 2", … */
async function diskWith({ esps, mounts = "", variable }: Setup) {
  const images = await Promise.all(esps.map((files) => fatWith(files)));
  const names = [...esps.map((_, index) => `ESP ${index + 1}`), "control", "a", "b"];
  const partitions = names.map((name, index): PartitionSetup => {
    const place = { firstLba: (1 + 8 * index) * SECTORS, lastLba: (9 + 8 * index) * SECTORS - 1 };
    return name.startsWith("ESP")
      ? { label: name, type: ESP_TYPE, ...place }
      : { label: `tandem-${name}`, ...place };
  });
  const image = gptImage({ sizeBytes: (10 + 8 * names.length) * MiB, partitions });
  const kernel = kernelMachine({ disks: { sda: image }, mountinfo: mounts });
  const layout = openLayout(
    {
      ...kernel,
      openBlock(path, access) {
        const block = kernel.openBlock(path, access);
        return images[Number(path.slice("/dev/sda".length)) - 1]?.file(path) ?? block;
      },
    },
    { disk: "/dev/sda" },
  );
  const files = memoryFiles(
    variable === undefined
      ? {}
      : { [VARIABLE]: Buffer.concat([Buffer.alloc(4), Buffer.from(`${variable}\0`, "utf16le")]) },
  );
  return { images, esp: tandemEsp({ files, durable: durableFiles, ownMarks }, layout) };
}

const espOn = async (setup: Setup): Promise<TandemEsp> => (await diskWith(setup)).esp;
const nameOf = (esp: TandemEsp): string | undefined => esp.open({ write: false })?.name;

test("of a disk without an ESP none is chosen, and a single one is chosen without a look at its files", async () => {
  const none = await espOn({ esps: [] });
  expect([nameOf(none), none.seen()]).toEqual([undefined, undefined]);
  const one = await espOn({ esps: [FEDORA] });
  expect([nameOf(one), one.seen()]).toEqual(["ESP 1 on /dev/sda", undefined]);
});

test("a single ESP is opened only when it is used", async () => {
  const esp = await espOn({ esps: [undefined] });
  expect(esp.seen()).toBeUndefined();
  expect(() => esp.open({ write: false })).toThrow(expect.objectContaining({ code: "boot" }));
});

test.each<[Files, string]>([
  [GRUB, "/tandem/grub.cfg"],
  [{ "/tandem/tries": "counts" }, "/tandem/tries"],
  [{ "/tandem/options": "quiet" }, "/tandem/options"],
  [{ "/tandem/b/": "" }, "/tandem/b"],
  [{ "/loader/entries/tandem-a+3.conf": "torn" }, "/loader/entries/tandem-a+3.conf"],
  [CONF, '"default tandem-*" in /loader/loader.conf'],
  [{ "/loader/loader.conf": "PREFERRED  tandem-*" }, '"PREFERRED  tandem-*" in /loader/loader.'],
])("of several ESPs the one with %j is tandem's, in any order", async (files, mark) => {
  for (const place of [0, 1, 2]) {
    const esp = await espOn({
      esps: [...[FEDORA, {}].slice(0, place), files, ...[FEDORA, {}].slice(place)],
    });
    expect(nameOf(esp)).toBe(`ESP ${place + 1} on /dev/sda`);
    expect(esp.seen()).toMatch(
      new RegExp(`^partition ${place + 1}, not partition \\d or partition \\d: it has `),
    );
    expect(esp.seen()).toContain(mark);
  }
});

test("an ESP without a FAT, or mounted only in part, does not hide the other one", async () => {
  const spoilt = await espOn({ esps: [undefined, CONF] });
  expect(nameOf(spoilt)).toBe("ESP 2 on /dev/sda");
  const mounts = "30 1 8:1 /EFI /mnt rw shared:1 - vfat /dev/sda1 rw\n";
  expect(nameOf(await espOn({ esps: [GRUB, CONF], mounts }))).toBe("ESP 2 on /dev/sda");
});

test.each<[string, readonly Files[], string]>([
  [
    "none has tandem's files",
    [FEDORA, {}],
    'partition 1 "ESP 1": it has no files of tandem; partition 2 "ESP 2": it has no files of tandem',
  ],
  [
    "two have them",
    [GRUB, CONF],
    'partition 1 "ESP 1": it has /tandem/grub.cfg; partition 2 "ESP 2": it has "default tandem-*"',
  ],
  [
    "the one that may have them cannot be read",
    [FEDORA, undefined],
    'partition 2 "ESP 2": Cannot ',
  ],
  ["/tandem is empty", [{ "/tandem/": "" }, {}], "it has no files of tandem"],
  [
    "tandem is not the default",
    [{ "/loader/loader.conf": "#default tandem-*\ndefault no-tandem\n" }, {}],
    "it has no files of tandem",
  ],
])("no ESP is chosen when %s", async (_, esps, why) => {
  const esp = await espOn({ esps });
  for (const ask of [() => nameOf(esp), () => esp.seen()])
    expect(ask).toThrow(
      expect.objectContaining({
        code: "boot",
        message: expect.stringMatching(
          /^Cannot tell which EFI system partition of \/dev\/sda is tandem's: partition 1 "ESP 1": /,
        ),
        hint: "Name its partition label in the configuration: labels: { esp: LABEL }.",
      }),
    );
  expect(() => esp.seen()).toThrow(why);
});

const ROOT_ON_A = mounted("8:4", "/");

test.each<[string, readonly Files[]]>([
  ["none has its files", [FEDORA, {}]],
  ["both have its files", [GRUB, CONF]],
  ["it cannot be read", [FEDORA, undefined]],
])("the ESP of the booted loader is tandem's when %s", async (_, esps) => {
  const esp = await espOn({ esps, variable: uuidOf(2).toUpperCase(), mounts: ROOT_ON_A });
  expect(esp.seen()).toBe("partition 2, not partition 1: the boot loader was started from it");
});

test("tandem's files count more than the ESP from which the loader was started", async () => {
  const esp = await espOn({ esps: [FEDORA, GRUB], variable: uuidOf(1), mounts: ROOT_ON_A });
  expect(nameOf(esp)).toBe("ESP 2 on /dev/sda");
});

test("the ESP of the booted loader counts only on the disk that runs, and only if it is an ESP of that disk", async () => {
  const elsewhere = await espOn({ esps: [FEDORA, {}], variable: uuidOf(2) });
  expect(() => elsewhere.seen()).toThrow("Cannot tell which EFI system partition");
  const other = await espOn({ esps: [FEDORA, {}], variable: uuidOf(4), mounts: ROOT_ON_A });
  expect(() => other.seen()).toThrow("Cannot tell which EFI system partition");
});

test("the chosen ESP stays chosen when files change later", async () => {
  const { images, esp } = await diskWith({ esps: [FEDORA, GRUB] });
  const opened = esp.open({ write: true });
  const [one, two] = images.map((image) => Fat.open(image.file("ESP")));
  await one?.makeFolder("/tandem");
  await one?.write("/tandem/grub.cfg", contentOf("script"));
  await two?.remove("/tandem/grub.cfg");
  expect(opened && isFile(opened, "/tandem/grub.cfg")).toBe(false);
  expect(nameOf(esp)).toBe("ESP 2 on /dev/sda");
  await opened?.write("/tandem/tries", contentOf("counts"));
  expect(Fat.open(images[1]?.file("ESP") ?? expect.unreachable()).list("/tandem")).toHaveLength(1);
});
