import { expect, test } from "bun:test";
import { contentOf, readEspText } from "../../src/boot/esp/esp.ts";
import { rawEsp } from "../../src/boot/esp/raw-esp.ts";
import { Fat } from "../../src/fat/fat.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { parseCmdline } from "../../src/slot/cmdline.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { type Diagnosis, doctor } from "../../src/doctor/doctor.ts";
import { markGood } from "../../src/verdict/mark.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { bootWithSystemd } from "../fakes/systemd-boot-model.ts";
import { machineWith, partOfDisk, PLACES, systemWith, wholeDisk } from "../fakes/whole-disk.ts";
import { upgradeTo } from "../upgrade/disk.ts";

/** v1 in slot a, v2 in slot b, which has proven itself. */
const upgraded = await (async () => {
  const image = await wholeDisk("v1", { loader: "systemd-boot" });
  await upgradeTo("v2", machineWith(image.file(), "tandem.slot=a tandem.gen=1"));
  await markGood(machineWith(image.file(), "tandem.slot=b tandem.gen=2"), undefined, "test");
  return image;
})();

function ask(disk: BlockFile, fix: boolean): Promise<Diagnosis> {
  const work = { system: systemWith(disk), talk: SILENT, signal: new AbortController().signal };
  return doctor(work, { disk: "/disk.img" }, { fix, verify: false });
}

function bad({ findings }: Diagnosis): string[] {
  return findings.filter(({ verdict }) => verdict === "bad").map(({ subject }) => subject);
}

const zeroControl = (image: PagedImage, offsetBytes: number, sizeBytes: number): void =>
  image.write(PLACES.control.offsetBytes + offsetBytes, new Uint8Array(sizeBytes));

const LOADER_CONF = "/loader/loader.conf";
const espOf = (image: PagedImage): Fat => Fat.open(partOfDisk(image.file(), "esp"));

function namesIn(image: PagedImage, folder: string): string[] {
  return (espOf(image).list(folder) ?? []).map(({ name }) => name);
}

async function empty(image: PagedImage, folder: string): Promise<void> {
  for (const name of namesIn(image, folder)) await espOf(image).remove(`${folder}/${name}`);
}

async function put(image: PagedImage, path: string, text: string): Promise<void> {
  await espOf(image).remove(path);
  await espOf(image).write(path, contentOf(text));
}

function textAt(image: PagedImage, path: string): string | undefined {
  return readEspText(rawEsp(partOfDisk(image.file(), "esp")), path, 4096);
}

interface Case {
  readonly name: string;
  readonly damage: (image: PagedImage) => void | Promise<void>;
  readonly bad: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "both copies of the record, which the entries have, too",
    damage: (image) => zeroControl(image, 0, 4096 + 1024),
    bad: ["boot record"],
  },
  {
    name: "both copies of the state",
    damage(image) {
      zeroControl(image, 0x10000, 4096);
      zeroControl(image, 0x80000, 4096);
    },
    bad: ["state"],
  },
  {
    name: "the whole control partition",
    damage: (image) => zeroControl(image, 0, PLACES.control.sizeBytes),
    bad: ["state", "boot record"],
  },
  {
    name: "kernel and initrd of the good slot",
    damage: (image) => empty(image, "/tandem/b"),
    bad: ["start of slot b"],
  },
  {
    name: "all entries",
    damage: (image) => empty(image, "/loader/entries"),
    bad: ["entries of systemd-boot"],
  },
  {
    name: "a name that belongs to no record",
    damage: (image) => put(image, "/loader/entries/tandem-b+2-1.conf", "title torn\n"),
    bad: ["entries of systemd-boot"],
  },
  {
    name: "a kernel on the ESP that differs from the one in the slot",
    async damage(image) {
      const name = namesIn(image, "/tandem/b").find((one) => one.startsWith("linux"));
      await put(image, `/tandem/b/${name}`, "spoilt");
    },
    bad: ["start of slot b"],
  },
  {
    name: "a lost boot spec, while the slot still has an entry",
    damage: (image) => zeroControl(image, 0x5000, 4096),
    bad: [],
  },
  {
    name: "loader.conf",
    damage: (image) => espOf(image).remove(LOADER_CONF),
    bad: [],
  },
  {
    name: "a loader.conf that chooses other entries",
    damage: (image) => put(image, LOADER_CONF, "default arch-*\n"),
    bad: ["configuration of systemd-boot"],
  },
  {
    name: "a loader.conf that prefers another entry",
    damage: (image) => put(image, LOADER_CONF, "preferred tandem-a.conf\ndefault tandem-*\n"),
    bad: ["configuration of systemd-boot"],
  },
];

test.each(CASES)("systemd-boot: --fix repairs $name", async ({ damage, bad: expected }) => {
  const image = upgraded.fork();
  await damage(image);
  const before = Bun.hash(image.bytes());
  expect(bad(await ask(image.file(), false))).toEqual([...expected]);
  expect(Bun.hash(image.bytes())).toBe(before);
  const fixed = await ask(image.file(), true);
  expect(bad(fixed)).toEqual([]);
  expect(fixed.failed).toEqual([]);
  const words = parseCmdline((await bootWithSystemd(partOfDisk(image.file(), "esp"))) ?? "");
  expect(words.slot).toBe("b");
  expect((await ask(image.file(), true)).repaired).toEqual([]);
});

test.each([
  ["default tandem-*", "ok"],
  ["timeout 3\r\n  DEFAULT  Tandem-*.conf \r\n", "ok"],
  ["default arch\ndefault tandem*\n", "ok"],
  ["default tandem-*\ndefault @saved\n", "bad"],
  ["default tandem-a.conf\n", "bad"],
  ["default tandem-?.conf\n", "bad"],
  ["default *\n", "bad"],
  ["preferred other.conf\ndefault tandem-*\n", "bad"],
  ["default tandem-*\n\tpreferred  @saved\n", "bad"],
  ["preferred tandem-b.conf\ndefault tandem-*\n", "bad"],
  ["preferred other.conf\n", "bad"],
  ["preferred other.conf\npreferred tandem-*\ndefault tandem-*\n", "ok"],
  ["preferred tandem-*\n", "warn"],
  ["#preferred other.conf\ndefault tandem-*\n", "ok"],
  ["#default tandem-*\n", "warn"],
  ["default\ntimeout 0\n", "warn"],
  ["", "warn"],
])("loader.conf %j is %s, and --fix leaves the rest of it", async (text, verdict) => {
  const image = upgraded.fork();
  await put(image, LOADER_CONF, text);
  const about = "configuration of systemd-boot";
  const { findings } = await ask(image.file(), false);
  expect(findings.find(({ subject }) => subject === about)).toMatchObject({ verdict });
  await ask(image.file(), true);
  const kept = text
    .split(/\r?\n/)
    .filter((line) => line !== "" && !/^\s*(?:default|preferred)\s/i.test(line));
  const corrected = [...kept, "default tandem-*", ""].join("\n");
  expect(textAt(image, LOADER_CONF)).toBe(verdict === "ok" ? text : corrected);
});

test("the replacement of loader.conf is finished after a power cut", async () => {
  const image = upgraded.fork();
  await espOf(image).remove(LOADER_CONF);
  await put(image, "/loader/loader.new", "timeout 7\ndefault tandem-*\n");
  await ask(image.file(), true);
  expect(textAt(image, LOADER_CONF)).toBe("timeout 7\ndefault tandem-*\n");
  expect(namesIn(image, "/loader")).toEqual(["entries", "loader.conf"]);
});

test("a kernel is not copied from a slot whose bytes have changed", async () => {
  const image = upgraded.fork();
  const at = Buffer.from(image.bytes()).indexOf("kernel of v2", PLACES.b.offsetBytes);
  image.write(at, Uint8Array.of(1));
  const name = namesIn(image, "/tandem/b").find((one) => one.startsWith("linux"));
  const before = textAt(image, `/tandem/b/${name}`);
  const { failed } = await ask(image.file(), true);
  expect(failed).toEqual([expect.stringContaining("its bytes are not those that were written")]);
  expect(textAt(image, `/tandem/b/${name}`)).toBe(before);
});
