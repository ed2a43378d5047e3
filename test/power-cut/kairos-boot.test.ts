/**
 * Cuts while a new system is armed and takes the place of the active one: GRUB's environment files, the boot record and
 * the image files together, on an ext4 that the kernel has mounted. After each cut the model of the stock menu boots
 * from what GRUB sees, and the next run works on what the kernel sees.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { dirname } from "node:path";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { openKairosLoader } from "../../src/boot/kairos/kairos.ts";
import type { Bootloader } from "../../src/boot/bootloader.ts";
import { LOADER_DATA_BYTES, LoaderData } from "../../src/control/loader-data.ts";
import type { NextRecord } from "../../src/control/record.ts";
import { finishSwap, swapImages } from "../../src/slot/kairos/image-files.ts";
import { KAIROS_ADDRESS } from "../../src/slot/kairos/kairos.ts";
import { linux } from "../../src/system/linux.ts";
import { linuxMountedFiles, type MountedFiles } from "../../src/system/mounted-files.ts";
import { settledOn, trialOf } from "../boot/kairos/records.ts";
import { bootKairos, type KairosBoot, type KairosVolume } from "../fakes/kairos-loader.ts";
import { kairosFile } from "../kairos/disk.ts";
import { commandBytes } from "../peers/command.ts";
import {
  cutsOf,
  grubsView,
  onMounted,
  recordOnState,
  type StateCut,
  type StateDisk,
  stateDisk,
  type View,
} from "./state-disk.ts";

setDefaultTimeout(600_000);

/** The files that GRUB reads on COS_STATE, apart from images. */
const READ_BY_GRUB = [
  "/grubenv",
  "/boot_assessment",
  "/grubcustom",
  "/grub_boot_assessment",
  "/tandem/boot.cfg",
  "/tandem/count",
];
const MENU: Readonly<Record<string, string>> = {
  grubcustom: kairosFile("grubcustom"),
  grub_boot_assessment: kairosFile("grub_boot_assessment"),
  "grub2/grub.cfg": kairosFile("grub.cfg"),
};
const BOOTS = 4;

interface Story {
  readonly name: string;
  /** The system that runs and is good. */
  readonly from: "active" | "passive";
  readonly record: NextRecord;
  readonly givesVerdicts: boolean;
  /** The record follows the swap, or comes before the environment files: what tandem does not do. */
  readonly order?: "swap first" | "no arming";
}

/** A loader on a mounted COS_STATE. `folder` has the images. */
interface Opened extends Disposable {
  readonly loader: Bootloader;
  readonly loaderData: LoaderData;
}

function openOn(
  folder: string,
  { from, givesVerdicts }: Story,
  boot: { readonly id: string; readonly cmdline: string; readonly files?: MountedFiles },
): Opened {
  const { id, cmdline, files = linuxMountedFiles } = boot;
  const state = dirname(folder);
  const control = linux.openBlock(`${state}/tandem/control`, { write: true });
  const loaderData = new LoaderData(control, {
    addressForm: KAIROS_ADDRESS,
    genReached: () => 0,
  });
  const loader = openKairosLoader({
    loaderData,
    state,
    oem: undefined,
    files,
    bootId: id,
    cmdline,
    booted: from,
    isSwapped: () => files.stat(`${folder}/transition.img`) === undefined,
    givesVerdicts,
  });
  return { loader, loaderData, [Symbol.dispose]: () => control.close() };
}

function firstBoot({ from }: Story): { readonly id: string; readonly cmdline: string } {
  return { id: "first", cmdline: `cos-img/filename=/cOS/${from}.img` };
}

/** A machine with the stock menu and a good system. */
async function prepare(folder: string, story: Story): Promise<void> {
  const state = dirname(folder);
  for (const name of ["grub2", "tandem"]) mkdirSync(`${state}/${name}`);
  for (const [name, text] of Object.entries(MENU)) writeFileSync(`${state}/${name}`, text);
  writeFileSync(`${state}/tandem/control`, new Uint8Array(LOADER_DATA_BYTES));
  using opened = openOn(folder, story, firstBoot(story));
  await opened.loader.commit(settledOn(story.from));
}

async function upgrade(folder: string, story: Story): Promise<void> {
  using opened = openOn(folder, story, firstBoot(story));
  const swap = (): void =>
    swapImages(
      { path: folder, files: linuxMountedFiles },
      { keepPassive: story.from === "passive" },
    );
  if (story.order !== undefined) swap();
  if (story.order !== "no arming") await opened.loader.commit(story.record);
  if (story.order === undefined) swap();
}

/** What GRUB sees of COS_STATE after a cut. */
async function volumeOf(disk: StateDisk, cut: StateCut): Promise<KairosVolume> {
  const files = new Map<string, Uint8Array | undefined>();
  const look = (path: string): Promise<Uint8Array | undefined> =>
    commandBytes("grub-fstest", disk.path("cut"), "cat", `(loop0)${path}`).catch(() => undefined);
  await Promise.all(READ_BY_GRUB.map(async (path) => files.set(path, await look(path))));
  const view = await grubsView(disk, cut);
  return {
    label: "COS_STATE",
    read: (path) => files.get(path),
    write: (path, bytes) => files.set(path, bytes),
    image(path) {
      const [version = "none", label = ""] = systemAt(view, path).split(" ");
      return { state: version.startsWith("v") ? "loads" : "missing", label };
    },
  };
}

function systemAt({ active, passive }: View, path: string): string {
  return path.endsWith("/active.img") ? active : path.endsWith("/passive.img") ? passive : "none";
}

/** The versions that boot, one after the other, when no boot changes anything. */
async function judgeBoots(disk: StateDisk, cut: StateCut, { record }: Story): Promise<KairosBoot> {
  const volume = await volumeOf(disk, cut);
  const view = await grubsView(disk, cut);
  const boots = Array.from({ length: BOOTS }, () => bootKairos({ volumes: [volume] }));
  const versions = boots.map(({ entry, findsRoot }) => {
    const name = entry === "cos" ? view.active : view.passive;
    return entry !== undefined && findsRoot ? (name.split(" ")[0] ?? "none") : "none";
  });
  const news = versions.filter((version) => version === "v2").length;
  if (versions.includes("none") || news > record.tries)
    throw new Error(`GRUB boots ${versions.join(" ")}`);
  return boots[0] ?? expect.unreachable();
}

/** The boot after the cut: the next run finishes or takes back. */
async function judgeRun(disk: StateDisk, { cmdline }: KairosBoot, story: Story): Promise<void> {
  const files = { ...linuxMountedFiles, flush: () => {} };
  await onMounted(disk, async (folder) => {
    using opened = openOn(folder, story, { id: "next", cmdline, files });
    const { loader, loaderData } = opened;
    finishSwap({ path: folder, files });
    await loader.repair();
    const left = loader.unfinished();
    const { record } = loaderData;
    const active = readFileSync(`${folder}/active.img`).includes("v2v2v2") ? "v2" : "v1";
    const wanted = active === "v2" ? story.record.trial : undefined;
    if (left !== undefined || record?.trial !== wanted)
      throw new Error(`active is ${active}, on trial is ${record?.trial}, left is ${left}`);
    if (active === "v1" && record?.good !== story.from)
      throw new Error(`the system before is back, and ${record?.good} is good`);
  });
}

async function firstFailure(
  story: Story,
): Promise<{ readonly cuts: number; readonly reason?: string }> {
  await using disk = await stateDisk("descriptors");
  const recording = await recordOnState(
    disk,
    (folder) => upgrade(folder, story),
    (folder) => prepare(folder, story),
  );
  let cuts = 0;
  for (const cut of cutsOf(disk, recording)) {
    cuts += 1;
    try {
      const boot = await judgeBoots(disk, cut, story);
      await judgeRun(disk, boot, story);
    } catch (error) {
      return { cuts, reason: `cut ${cut.name}: ${String(error)}` };
    }
  }
  return { cuts };
}

const ONE_TRY: Story = {
  name: "one try",
  from: "active",
  record: trialOf("active"),
  givesVerdicts: false,
};

test.each<Story>([
  ONE_TRY,
  {
    name: "two tries and a hook",
    from: "active",
    record: trialOf("active", { tries: 2 }),
    givesVerdicts: true,
  },
  { ...ONE_TRY, name: "one try, from the passive system", from: "passive" },
])("an upgrade with $name: each cut leaves a machine that starts and goes on", async (story) => {
  const { cuts, reason } = await firstFailure(story);
  expect(reason).toBeUndefined();
  console.log(`count: cuts ${cuts}`);
});

test.each(["swap first", "no arming"] as const)("the judge condemns: %s", async (order) => {
  const { reason } = await firstFailure({ ...ONE_TRY, order });
  console.log(`${order}: ${reason}`);
  expect(reason).toBeDefined();
});
