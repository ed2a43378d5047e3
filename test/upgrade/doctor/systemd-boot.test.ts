import { expect, test } from "bun:test";
import { Fat } from "../../../src/disk/fat.ts";
import { SILENT } from "../../../src/lib/talk.ts";
import { parseCmdline } from "../../../src/slot/cmdline.ts";
import type { BlockFile } from "../../../src/system/block-file.ts";
import { type Diagnosis, doctor } from "../../../src/upgrade/doctor/doctor.ts";
import { markGood } from "../../../src/upgrade/mark.ts";
import type { PagedImage } from "../../fakes/paged-image.ts";
import { bootWithSystemd } from "../../fakes/systemd-boot-model.ts";
import { machineWith, partOfDisk, PLACES, systemWith, wholeDisk } from "../../fakes/whole-disk.ts";
import { upgradeTo } from "../disk.ts";

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

async function empty(image: PagedImage, folder: string): Promise<void> {
  const fat = Fat.open(partOfDisk(image.file(), "esp"));
  for (const { name } of fat.list(folder) ?? []) await fat.remove(`${folder}/${name}`);
}

interface Case {
  readonly name: string;
  readonly damage: (image: PagedImage) => void | Promise<void>;
  readonly bad: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "both copies of the record: the entries have it, too",
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
