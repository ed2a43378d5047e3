/**
 * Which system of a Kairos machine GRUB boots, boot after boot, compared with the model of the loader. GRUB is the real one; its menu
 * and its assessment script behave like those of Kairos. The kernel of each system is a probe that reports its options and resets the
 * machine, so no system ever clears the assessment.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { envBlock } from "../../scripts/disk/env-block.ts";
import { changeEnvFile, type EnvChanges } from "../../src/boot/grub/env-file.ts";
import { KiB, MiB } from "../../src/lib/units.ts";
import { linuxMountedFiles } from "../../src/system/mounted-files.ts";
import type { NextRecord } from "../../src/control/record.ts";
import { KairosMachine, type MachineOptions } from "../boot/kairos/kairos-machine.ts";
import { settledOn, trialOf } from "../boot/kairos/records.ts";
import { bootKairos, type KairosBoot } from "../fakes/kairos-loader.ts";
import { kairosFile, makeKairosDisk, type KairosDisk, type KairosSetup } from "../kairos/disk.ts";
import { probeSystem, writeKairosImage } from "../kairos/images.ts";
import { volumesOf } from "../kairos/volumes.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { startMachine, type Machine } from "./machine.ts";

/** GRUB needs half a second; the rest is for a machine that is busy with other things. */
const BOOT_SECONDS = 300;
setDefaultTimeout(1_800_000);

/** The new system is active, the one before it is passive. */
const SYSTEMS = {
  active: { label: "COS_ACTIVE", version: "0.2.0" },
  passive: { label: "COS_PASSIVE", version: "0.1.0" },
  recovery: { label: "COS_SYSTEM", version: "0.0.9" },
  // A new system without a kernel.
  broken: { label: "COS_ACTIVE", version: "0.3.0" },
} as const;
type SystemName = keyof typeof SYSTEMS;

const folder = await temporaryFolder();
/** What `committed` has begun. */
const commits: Promise<unknown>[] = [];
const images = new Map<SystemName, string>();
beforeAll(async () => {
  await Promise.all(commits);
  for (const [name, { label, version }] of Object.entries(SYSTEMS)) {
    const members = probeSystem(version).filter(
      ({ path }) => name !== "broken" || path !== "boot/vmlinuz",
    );
    const system = { layout: folder.in("layout"), version, members, sizeBytes: 4 * MiB };
    const path = await writeKairosImage(folder.in(`${name}.img`), label, system);
    images.set(name as SystemName, path);
  }
});
afterAll(() => folder[Symbol.asyncDispose]());

function image(name: SystemName): string {
  return images.get(name) ?? "";
}

interface Case {
  readonly name: string;
  /** Changes to a disk with three images and no environment blocks. */
  readonly setup: () => Partial<KairosSetup>;
  /** "cos v0.2.0": the entry, the version of the image, and the kernel options from the environment blocks. */
  readonly boots: readonly string[];
}

const ENABLED = { enable_boot_assessment: "yes" };
const ARMED = { ...ENABLED, boot_assessment_tentative: "yes" };
const FELL = "fallback v0.1.0 upgrade_failure";

const CASES: readonly Case[] = [
  {
    name: "A: an entry for one boot is not assessed: a new system has two boots",
    setup: () => ({ grubenv: { next_entry: "cos" }, assessment: ENABLED }),
    boots: ["cos v0.2.0", "cos v0.2.0", FELL, FELL],
  },
  {
    name: "B: without such an entry it has one boot",
    setup: () => ({ grubenv: {}, assessment: ENABLED }),
    boots: ["cos v0.2.0", FELL],
  },
  {
    name: "C: an assessment that an earlier upgrade left tentative: the new system has no boot",
    setup: () => ({ grubenv: {}, assessment: ARMED }),
    boots: [FELL],
  },
  {
    name: "D: tentative from the start and with an entry for one boot: it has one boot",
    setup: () => ({
      grubenv: { saved_entry: "", next_entry: "cos", extra_cmdline: "quiet" },
      assessment: ARMED,
    }),
    boots: ["cos v0.2.0 quiet", "fallback v0.1.0 quiet upgrade_failure"],
  },
  {
    name: "D by changeEnvFile(): a grubenv of two blocks with an option of the machine, and no assessment before",
    setup: () => ({
      grubenv: changed(envBlock({ extra_cmdline: "quiet" }, 2 * KiB), { next_entry: "cos" }),
      assessment: changed(undefined, ARMED),
    }),
    boots: ["cos v0.2.0 quiet", "fallback v0.1.0 quiet upgrade_failure"],
  },
  {
    name: "F: the passive system is the choice for all boots: the new system has no boot",
    setup: () => ({ grubenv: { saved_entry: "fallback" }, assessment: ENABLED }),
    boots: ["fallback v0.1.0", FELL],
  },
  {
    name: "I: without a file for the assessment a new system boots for ever",
    setup: () => ({ grubenv: { next_entry: "cos" } }),
    boots: ["cos v0.2.0", "cos v0.2.0", "cos v0.2.0"],
  },
  {
    name: "a torn grubenv is as good as none: with a tentative assessment that is case C",
    setup: () => ({ grubenv: new Uint8Array(0), assessment: ARMED }),
    boots: [FELL],
  },
  {
    name: "an OEM partition without a grubenv, such as an encrypted one: the file on COS_STATE counts",
    setup: () => ({
      stateFiles: { "/grubenv": envBlock({ next_entry: "cos" }) },
      assessment: ARMED,
    }),
    boots: ["cos v0.2.0", FELL],
  },
  {
    name: "J: neither the active nor the passive image is there: recovery",
    setup: () => ({ active: undefined, passive: undefined }),
    boots: ["recovery v0.0.9"],
  },
  {
    name: "an active system without a kernel is followed by the passive one",
    setup: () => ({ active: image("broken") }),
    boots: ["fallback v0.1.0"],
  },
  {
    name: "with an old menu nothing follows it: its loop device is in the way",
    setup: () => ({ active: image("broken"), isOld: true }),
    boots: ["menu"],
  },
  {
    name: "a squashed recovery goes before an image of it",
    setup: () => ({
      squashfs: image("recovery"),
      recovery: undefined,
      grubenv: { next_entry: "statereset" },
    }),
    boots: ["recovery v0.0.9 vga=795 nomodeset kairos.reset", "cos v0.2.0"],
  },
];

const twice = committed(trialOf("active", { tries: 2 }), { givesVerdicts: true });
const FELL_BY_COUNT = `${FELL} tandem.gen=1 tandem.fell=active tandem.why=tries`;
const RECOVERY =
  "recovery v0.0.9 tandem.gen=1 tandem.gave_up=passive:limit tandem.fell=active tandem.why=tries";

/** After a commit of a boot record by tandem. */
const COMMITS: readonly Case[] = [
  {
    name: "a new system on trial, where files of the assessment are missing",
    setup: committed(trialOf("active"), {
      contents: {
        "/oem/grubenv": undefined,
        "/state/grubcustom": undefined,
        "/state/grub_boot_assessment": undefined,
      },
    }),
    boots: ["cos v0.2.0", FELL, FELL],
  },
  {
    name: "a new system on trial, with an encrypted OEM partition",
    setup: committed(trialOf("active"), {
      hasOem: false,
      contents: { "/oem/grubenv": undefined },
    }),
    boots: ["cos v0.2.0", FELL],
  },
  {
    name: "a new system on trial, after a grubenv of 0 bytes and a stale assessment",
    setup: committed(trialOf("active"), {
      contents: { "/oem/grubenv": "", "/state/boot_assessment": ARMED },
    }),
    boots: ["cos v0.2.0", FELL],
  },
  {
    name: "a new system on trial, where the operator has chosen the passive one for all boots",
    setup: committed(trialOf("active"), {
      contents: { "/oem/grubenv": { saved_entry: "fallback" } },
    }),
    boots: ["cos v0.2.0", FELL],
  },
  {
    name: "two tries, then the passive system three times, then recovery",
    setup: twice,
    boots: [
      "cos v0.2.0",
      "cos v0.2.0 tandem.gen=1 tandem.left=0",
      `${FELL_BY_COUNT} tandem.left=2`,
      `${FELL_BY_COUNT} tandem.left=1`,
      `${FELL_BY_COUNT} tandem.left=0`,
      RECOVERY,
      RECOVERY,
    ],
  },
  {
    name: "two tries although the stock stage has cleared the assessment, with an old menu",
    setup: () => {
      const cleared = { "/boot_assessment": envBlock({}) };
      return { ...withFiles(twice, cleared)(), isOld: true };
    },
    boots: [
      "cos v0.2.0",
      "cos v0.2.0 tandem.gen=1 tandem.left=0",
      "fallback v0.1.0 tandem.gen=1 tandem.fell=active tandem.why=tries tandem.left=2",
    ],
  },
  {
    name: "two tries of a roll-back",
    setup: committed(trialOf("passive", { tries: 2 })),
    boots: ["fallback v0.1.0", "fallback v0.1.0 tandem.gen=1 tandem.left=0", "cos v0.2.0"],
  },
  {
    name: "ten tries",
    setup: committed(trialOf("active", { tries: 10 })),
    boots: ["cos v0.2.0", "cos v0.2.0 tandem.gen=1 tandem.left=8"],
  },
  {
    name: "with a damaged count the stock assessment decides",
    setup: withFiles(twice, { "/tandem/count": "x".repeat(1024) }),
    boots: ["cos v0.2.0", FELL, FELL],
  },
  {
    name: "with a count of 0 bytes, too",
    setup: withFiles(twice, { "/tandem/count": "" }),
    boots: ["cos v0.2.0", FELL],
  },
  {
    name: "without tandem's lines, too",
    setup: withFiles(twice, { "/grubcustom": kairosFile("grubcustom") }),
    boots: ["cos v0.2.0", FELL],
  },
  {
    name: "lines for the assessment that come after those for the count do not undo the choice",
    setup: () => {
      const setup = twice();
      const custom = Buffer.from(setup.stateFiles?.["/grubcustom"] ?? "").toString("utf8");
      return withFiles(() => setup, { "/grubcustom": custom + kairosFile("grubcustom") })();
    },
    boots: ["cos v0.2.0", "cos v0.2.0 tandem.gen=1 tandem.left=0"],
  },
  {
    name: "the active system used up by its limit, then the passive one, then recovery",
    setup: committed(settledOn("active", { limit: 1 })),
    boots: [
      "cos v0.2.0 tandem.gen=1 tandem.left=0",
      "fallback v0.1.0 tandem.gen=1 tandem.gave_up=active:limit tandem.left=0",
      "recovery v0.0.9 tandem.gen=1 tandem.gave_up=active:limit",
    ],
  },
];

/** The files of a machine after a commit. They are made in memory, when the test begins. */
function committed(record: NextRecord, options: MachineOptions = {}): Case["setup"] {
  const machine = new KairosMachine(options);
  commits.push(machine.open().commit(record));
  return () => {
    const { tree } = machine.tree;
    const state = [...tree].filter(([path]) => path.startsWith("/state/"));
    const files = state.map(([path, bytes]) => [path.replace("/state", ""), bytes] as const);
    const { "/grub2/grub.cfg": _, ...stateFiles } = Object.fromEntries(files);
    return { grubenv: tree.get("/oem/grubenv"), stateFiles };
  };
}

/** With other files on COS_STATE. */
function withFiles(
  setup: Case["setup"],
  files: Readonly<Record<string, string | Uint8Array>>,
): Case["setup"] {
  return () => {
    const { stateFiles, ...rest } = setup();
    return { ...rest, stateFiles: { ...stateFiles, ...files } };
  };
}

/** An environment file after a change by tandem. */
function changed(before: Uint8Array | undefined, changes: EnvChanges): Uint8Array {
  const path = folder.in(crypto.randomUUID());
  if (before !== undefined) writeFileSync(path, before);
  changeEnvFile({ path, folder: folder.path, files: linuxMountedFiles }, changes);
  return Uint8Array.from(readFileSync(path));
}

test.each([...CASES, ...COMMITS])("$name", async ({ setup, boots }) => {
  const change = setup();
  const disk = makeKairosDisk({
    path: folder.in(`${crypto.randomUUID()}.img`),
    active: image("active"),
    passive: image("passive"),
    recovery: image("recovery"),
    ...change,
  });
  const menu = { volumes: volumesOf(disk), isOld: change.isOld === true };
  const expected = boots.map(() => bootKairos(menu));
  const seen = await watch(disk, boots.length);
  expect(seen.map(({ text }) => text)).toEqual([...boots]);
  expect(seen.map(({ cmdline }) => cmdline)).toEqual(expected.map(({ cmdline }) => cmdline));
  expect(expected.map(({ findsRoot }) => findsRoot)).toEqual(
    expected.map(({ entry }) => entry !== undefined),
  );
  expect(environmentOf(menu.volumes)).toEqual(environmentOf(volumesOf(disk)));
});

interface SeenBoot extends Pick<KairosBoot, "cmdline"> {
  readonly text: string;
}

/** Puts the machine under power for so many boots. */
async function watch(disk: KairosDisk, count: number): Promise<SeenBoot[]> {
  await using machine = startMachine({ disks: [disk.path] });
  const boots: SeenBoot[] = [];
  while (boots.length < count) boots.push(await nextBoot(machine));
  return boots;
}

/** After an entry that it cannot load GRUB waits for ten seconds, or for a key. */
const BEFORE_A_WAIT = /^error: you need to load the kernel first|^\s*Failed to boot both/;

async function nextBoot(machine: Machine): Promise<SeenBoot> {
  for (;;) {
    const pattern = new RegExp(`^BOOT_IMAGE=|GNU GRUB|${BEFORE_A_WAIT.source}`);
    const line = await machine.expectLine(pattern, BOOT_SECONDS);
    if (line.startsWith("BOOT_IMAGE=")) return bootOf(line);
    if (line.includes("GNU GRUB")) return { text: "menu", cmdline: "" };
    await machine.type("x");
  }
}

function bootOf(line: string): SeenBoot {
  const words = line.split(" ");
  const place = words.findIndex((word) => word.startsWith("test.version="));
  const version = words[place]?.split("=")[1] ?? "";
  const more = words.slice(place + 1).filter((word) => word !== "");
  const where = words.filter((word) =>
    /^(?:root|cos-img\/filename|rd\.live\.squashimg)=/.test(word),
  );
  const entry = /active\.img/.test(line)
    ? "cos"
    : /passive\.img/.test(line)
      ? "fallback"
      : "recovery";
  return { text: [entry, version, ...more].join(" "), cmdline: [...where, ...more].join(" ") };
}

/** The environment blocks as GRUB leaves them, as text. */
function environmentOf(volumes: ReturnType<typeof volumesOf>): (string | undefined)[] {
  return ["/grubenv", "/boot_assessment", "/tandem/count"].map((path) => {
    const bytes = volumes.map(({ read }) => read(path)).find((one) => one !== undefined);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString("latin1");
  });
}
