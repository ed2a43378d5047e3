/** Cuts the power while doctor repairs a disk with systemd-boot, whose entries and kernels are on the ESP. */
import { test } from "bun:test";
import { rawEsp } from "../../src/boot/esp/raw-esp.ts";
import { contentOf, readEspText } from "../../src/boot/esp/esp.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { partOfDisk, PLACES } from "../fakes/whole-disk.ts";
import {
  CONTROL,
  type Damage,
  espOn,
  expectMends,
  TRIAL_CHANGED,
  wipeControl,
  wipeControlAnd,
  zero,
} from "./mend.ts";
import { armed, installed, upgraded } from "./story.ts";

const ENTRIES = "/loader/entries";
const LOADER_CONF = "/loader/loader.conf";
const RECORDS = [0x0000, 0x1000] as const;
const SPECS = { a: 0x4000, b: 0x5000 } as const;
const SPEC_BYTES = 4096;

const remove =
  (...paths: readonly string[]) =>
  async (image: PagedImage): Promise<void> => {
    for (const path of paths) await espOn(image).remove(path);
  };

const put =
  (path: string, text: string) =>
  async (image: PagedImage): Promise<void> => {
    const esp = espOn(image);
    await esp.remove(path);
    await esp.write(path, contentOf(text));
  };

async function empty(image: PagedImage, folder: string): Promise<void> {
  for (const { name } of espOn(image).list(folder) ?? [])
    await espOn(image).remove(`${folder}/${name}`);
}

/** The copies of a slot's kernel and initrd on the ESP. */
async function spoil(image: PagedImage, slot: string, kind: "linux" | "initrd"): Promise<void> {
  const esp = espOn(image);
  const file = (esp.list(`/tandem/${slot}`) ?? []).find(({ name }) => name.startsWith(kind));
  await put(`/tandem/${slot}/${file?.name}`, "x".repeat(file?.sizeBytes ?? 0))(image);
}

/** Adds an entry with the content of another entry. */
async function copyEntry(image: PagedImage, from: string, to: string): Promise<void> {
  const esp = rawEsp(partOfDisk(image.file(), "esp"));
  const text = readEspText(esp, `${ENTRIES}/${from}`, 4096) ?? "";
  await esp.write(`${ENTRIES}/${to}`, contentOf(text));
}

/** Replaces the second sector of both copies by that of another write. */
function tear(image: PagedImage): void {
  for (const at of RECORDS) zero(image, CONTROL + at + 512, 512);
}

const CASES: readonly Damage[] = [
  {
    name: "the entry of the good slot missing",
    start: upgraded,
    damage: remove(`${ENTRIES}/tandem-b.conf`),
    boots: true,
  },
  {
    name: "the only entry missing",
    start: installed,
    damage: remove(`${ENTRIES}/tandem-a.conf`),
    boots: false,
  },
  {
    name: "the entry of the good slot damaged",
    start: upgraded,
    damage: put(`${ENTRIES}/tandem-b.conf`, "\0".repeat(400)),
    boots: true,
  },
  {
    name: "the entry of the good slot cut short during a trial",
    start: armed,
    damage: put(`${ENTRIES}/tandem-a-2.conf`, "# Written by tandem. Changes"),
    boots: true,
  },
  {
    name: "the entry of the trial missing",
    start: armed,
    damage: remove(`${ENTRIES}/tandem-b+3.conf`),
    boots: true,
  },
  {
    name: "all entries missing",
    start: upgraded,
    damage: (image) => empty(image, ENTRIES),
    boots: false,
  },
  {
    name: "entries left over",
    start: armed,
    async damage(image) {
      await copyEntry(image, "tandem-b+3.conf", "tandem-b+2-1.conf");
      await copyEntry(image, "tandem-a-2.conf", "tandem-a.conf");
      await put(`${ENTRIES}/tandem-recovery+9.conf`, "title torn\n")(image);
      await put(`${ENTRIES}/tandem-a-3.conf`, "title torn\n")(image);
    },
    boots: true,
  },
  {
    name: "loader.conf missing",
    start: upgraded,
    damage: remove(LOADER_CONF),
    boots: true,
  },
  {
    name: "loader.conf leading elsewhere",
    start: upgraded,
    async damage(image) {
      await put(LOADER_CONF, "timeout 3\ndefault arch-*\n")(image);
      await put("/vmlinuz", "of another system")(image);
      await put(
        `${ENTRIES}/zarch.conf`,
        "title Arch\nlinux /vmlinuz\noptions tandem.slot=a\n",
      )(image);
    },
    boots: true,
  },
  {
    name: "the kernel of the good slot missing",
    start: upgraded,
    damage: async (image) => empty(image, "/tandem/b"),
    boots: true,
  },
  {
    name: "the kernel of the good slot damaged",
    start: upgraded,
    damage: (image) => spoil(image, "b", "linux"),
    boots: true,
  },
  {
    name: "the initrd of the trial damaged",
    start: armed,
    damage: (image) => spoil(image, "b", "initrd"),
    boots: true,
  },
  {
    name: "the only kernel damaged",
    start: installed,
    damage: (image) => spoil(image, "a", "linux"),
    boots: false,
  },
  {
    name: "the record lost",
    start: upgraded,
    damage: (image) => zero(image, CONTROL, 4096 + 1024),
    boots: true,
  },
  {
    name: "the record lost during a trial",
    start: armed,
    damage: (image) => zero(image, CONTROL, 4096 + 1024),
    boots: true,
  },
  { name: "both copies of the record torn", start: upgraded, damage: tear, boots: true },
  {
    name: "both copies of the record torn, and no entries",
    start: upgraded,
    async damage(image) {
      tear(image);
      await empty(image, ENTRIES);
    },
    boots: false,
  },
  {
    name: "the specs lost",
    start: upgraded,
    damage: (image) => zero(image, CONTROL + SPECS.a, 2 * SPEC_BYTES),
    boots: true,
  },
  {
    name: "the spec and the kernel of the good slot lost",
    start: upgraded,
    async damage(image) {
      zero(image, CONTROL + SPECS.b, SPEC_BYTES);
      await empty(image, "/tandem/b");
    },
    boots: true,
  },
  {
    name: "the state, the specs and the kernel of the good slot lost",
    start: upgraded,
    async damage(image) {
      zero(image, CONTROL + SPECS.a, PLACES.control.sizeBytes - SPECS.a);
      await empty(image, "/tandem/b");
    },
    boots: true,
  },
  {
    name: "the state lost",
    start: upgraded,
    damage: (image) => zero(image, CONTROL + 0x10000, PLACES.control.sizeBytes - 0x10000),
    boots: true,
  },
  {
    name: "the control partition wiped",
    start: upgraded,
    damage: wipeControl,
    boots: true,
  },
  {
    name: "the control partition wiped during a trial",
    start: armed,
    damage: wipeControl,
    boots: true,
  },
  {
    name: "the control partition and slot b wiped",
    start: upgraded,
    damage: wipeControlAnd("b"),
    boots: true,
  },
  {
    name: "control partition and entries wiped",
    start: upgraded,
    async damage(image) {
      wipeControl(image);
      await empty(image, ENTRIES);
    },
    boots: false,
  },
  TRIAL_CHANGED,
];

test.each(CASES)("doctor with $name: the next run repairs after every cut", (one) =>
  expectMends("systemd-boot", one),
);
