/**
 * Boots a sample of disks after power cuts. The real GRUB must do the same as its model, and boot a complete system.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import type { Machine } from "../../src/machine/machine.ts";
import { markGood } from "../../src/verdict/mark.ts";
import { bootWithGrub } from "../fakes/grub-model.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { machineWith } from "../fakes/whole-disk.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { upgradeTo } from "../upgrade/disk.ts";
import { probeBoots, probeDiskImage, probeSource } from "./probe-machine.ts";

setDefaultTimeout(1_800_000);
/** The size of the sample. Each boot takes a second or two; `make soak` boots more. */
const DISKS = Number(process.env["TANDEM_SOAK_DISKS"] ?? "12");
/** Two boots, because the second one shows what the first one has counted. */
const BOOTS = 2;

const FIRST_BOOT = "tandem.slot=a tandem.gen=1";
const installed = await probeDiskImage();

async function armed(): Promise<PagedImage> {
  const image = installed.fork();
  await upgradeTo(probeSource("v2"), machineWith(image.file(), FIRST_BOOT));
  return image;
}

interface Story {
  readonly name: string;
  readonly start: () => Promise<PagedImage>;
  readonly cmdline: string;
  readonly act: (machine: Machine) => Promise<unknown>;
  readonly disks: number;
}

const STORIES: readonly Story[] = [
  {
    name: "an upgrade",
    start: () => Promise.resolve(installed.fork()),
    cmdline: FIRST_BOOT,
    act: (machine) => upgradeTo(probeSource("v2"), machine),
    disks: DISKS,
  },
  {
    name: "a verdict",
    start: armed,
    cmdline: "tandem.slot=b tandem.gen=2 tandem.left=2",
    act: (machine) => markGood(machine, undefined, "test"),
    disks: Math.ceil(DISKS / 2),
  },
];

test.each(STORIES)("GRUB boots like its model after cuts during $name", async (story) => {
  await using folder = await temporaryFolder();
  const recorded = new RecordedDisk(await story.start());
  await story.act(machineWith(recorded.file, story.cmdline));
  const cuts = [...recorded.cuts({ subsetsMax: 4, tearsMax: 4 })];
  const chosen = spread(cuts, Math.min(story.disks, cuts.length));
  const slots = new Map<string, number>();
  for (const [index, cut] of chosen.entries()) {
    const wanted = predict(cut.image.fork());
    const path = folder.in(`${index}.img`);
    writeFileSync(path, cut.image.bytes());
    const got = await probeBoots(path, BOOTS);
    rmSync(path);
    expect({ cut: cut.name, boots: got }).toEqual({ cut: cut.name, boots: wanted });
    const [first = ""] = got;
    slots.set(first, (slots.get(first) ?? 0) + 1);
  }
  const outcome = [...slots].map(([first, count]) => `${count} × ${first}`).join(", ");
  console.log(`${story.name}: ${chosen.length} of ${cuts.length} disks booted: ${outcome}`);
  expect(slots.size).toBeGreaterThan(1);
});

/** Returns this many items, evenly spread, including the first and the last. */
function spread<T>(all: readonly T[], count: number): T[] {
  const step = (all.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, index) => all[Math.round(index * step)]).filter(
    (one) => one !== undefined,
  );
}

const VERSION = { a: "v1", b: "v2" } as const;

function predict(image: PagedImage): string[] {
  return Array.from({ length: BOOTS }, () => {
    const outcome = bootWithGrub(image.file());
    if (outcome.kind === "menu" || outcome.slot === "recovery") return "no system";
    const words = outcome.cmdline.replaceAll("tandem.", "");
    return `${words} image=${VERSION[outcome.slot]}`;
  });
}
