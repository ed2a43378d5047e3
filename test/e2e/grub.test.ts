/**
 * Tests the decisions of the real GRUB with the real script on a virtual machine's console. A probe takes the place of
 * Linux.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { partOf, type Disk } from "../../scripts/disk.ts";
import { command } from "../../scripts/disk/command.ts";
import type { BootRecord } from "../../src/control/record.ts";
import { startMachine, type MachineSetup } from "./machine.ts";
import {
  breakFile,
  copyDisk,
  eraseSpec,
  INITRD,
  KERNEL,
  makeProbeDisk,
  splitScratch,
  tearRecord,
  writeRecord,
  writeSpec,
} from "./probe-disk.ts";

const SETTLED: BootRecord = {
  gen: 7,
  good: "a",
  trial: undefined,
  tries: 0,
  limit: 0,
  last: undefined,
};
const TRIAL: BootRecord = { ...SETTLED, gen: 8, trial: "b", tries: 3 };
/** GRUB decides half a second after the start. The limit allows for a busy machine. */
const BOOT_SECONDS = 300;

setDefaultTimeout(1_800_000);
const folder = mkdtempSync(join(tmpdir(), "tandem-grub-"));
let base: Disk;
beforeAll(() => {
  base = makeProbeDisk(join(folder, "base.img"), { serial: 0 });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Case {
  readonly name: string;
  readonly change: (disk: Disk) => void | Promise<void>;
  readonly readOnly?: boolean;
  /** The console's lines of each boot: "tandem: …" and, after an arrow, the kernel command line. */
  readonly boots: readonly string[];
}

const both = (disk: Disk, newer: BootRecord): void => {
  writeRecord(disk, 0, SETTLED);
  writeRecord(disk, 1, newer);
};

const CASES: readonly Case[] = [
  {
    name: "a settled record boots the good slot, time after time",
    change: (disk) => {
      writeRecord(disk, 0, SETTLED);
    },
    boots: ["good a (gen 7) → slot=a gen=7", "good a (gen 7) → slot=a gen=7"],
  },
  {
    name: "a trial is counted down, then the good slot boots and reports the fall",
    change: (disk) => {
      both(disk, TRIAL);
    },
    boots: [
      "trial b, tries left: 2 (gen 8) → slot=b gen=8 left=2",
      "trial b, tries left: 1 (gen 8) → slot=b gen=8 left=1",
      "trial b, tries left: 0 (gen 8) → slot=b gen=8 left=0",
      "good a, trial b has no tries left (gen 8) → slot=a gen=8 fell=b why=tries",
      "good a, trial b has no tries left (gen 8) → slot=a gen=8 fell=b why=tries",
    ],
  },
  {
    name: "the larger gen counts, compared as a number",
    change: (disk) => {
      writeRecord(disk, 0, { ...SETTLED, gen: 10, good: "b" });
      writeRecord(disk, 1, { ...SETTLED, gen: 9 });
    },
    boots: ["good b (gen 10) → slot=b gen=10"],
  },
  {
    name: "of a torn record nothing counts: the older copy does",
    change: (disk) => {
      writeRecord(disk, 0, SETTLED);
      writeRecord(disk, 1, { ...SETTLED, gen: 6 });
      tearRecord(disk, 1, TRIAL);
    },
    boots: ["good a (gen 7) → slot=a gen=7"],
  },
  {
    name: "the very first write torn: the slot of the installation",
    change: (disk) => {
      tearRecord(disk, 0, { ...SETTLED, good: "b" });
    },
    boots: ["good a, no valid record (gen 0) → slot=a gen=0"],
  },
  {
    name: "both copies torn: the slot of the installation, and no trial",
    change: (disk) => {
      both(disk, { ...SETTLED, gen: 6 });
      tearRecord(disk, 0, { ...TRIAL, good: "recovery" });
      tearRecord(disk, 1, { ...TRIAL, gen: 9, good: "recovery" });
    },
    boots: ["good a, no valid record (gen 0) → slot=a gen=0"],
  },
  {
    name: "no record and no system in the slot of the installation: one that has a system",
    change: (disk) => {
      eraseSpec(disk, "a");
    },
    boots: [
      "good a, no valid record (gen 0)",
      "last b, good a cannot be loaded (gen 0) → slot=b gen=0 gave_up=a:kernel",
    ],
  },
  {
    name: "a missing file of counts: never an uncounted trial",
    change: (disk) => {
      both(disk, TRIAL);
      command([
        "mdel",
        "-i",
        `${disk.path}@@${partOf(disk, "esp").offsetBytes}`,
        "::/tandem/tries",
      ]);
    },
    boots: ["good a, boots cannot be counted (gen 8) → slot=a gen=8 uncounted"],
  },
  {
    name: "a file of counts in two pieces is as good as one",
    change: async (disk) => {
      both(disk, TRIAL);
      await splitScratch(disk, "");
    },
    boots: [
      "trial b, tries left: 2 (gen 8) → slot=b gen=8 left=2",
      "trial b, tries left: 1 (gen 8) → slot=b gen=8 left=1",
    ],
  },
  {
    name: "a file of counts that is full of other values: never an uncounted trial",
    change: async (disk) => {
      both(disk, TRIAL);
      await splitScratch(disk, `other=${"x".repeat(950)}\n`);
    },
    boots: ["good a, boots cannot be counted (gen 8) → slot=a gen=8 uncounted"],
  },
  {
    name: "a disk that cannot be written: never an uncounted trial",
    change: (disk) => {
      both(disk, { ...TRIAL, limit: 2 });
    },
    readOnly: true,
    boots: [
      "good a, boots cannot be counted (gen 8) → slot=a gen=8 uncounted",
      "good a, boots cannot be counted (gen 8) → slot=a gen=8 uncounted",
    ],
  },
  {
    name: "a good slot with a limit is followed by the other, as often, and ends in the last one",
    change: (disk) => {
      both(disk, { ...SETTLED, gen: 8, limit: 2, last: "recovery" });
    },
    boots: [
      "good a, boots left: 1 (gen 8) → slot=a gen=8 left=1",
      "good a, boots left: 0 (gen 8) → slot=a gen=8 left=0",
      "other b, good a has no boots left, boots left: 1 (gen 8) → slot=b gen=8 left=1 gave_up=a:limit",
      "other b, good a has no boots left, boots left: 0 (gen 8) → slot=b gen=8 left=0 gave_up=a:limit",
      "last recovery, good a has no boots left (gen 8) → slot=recovery gen=8 gave_up=a:limit",
      "last recovery, good a has no boots left (gen 8) → slot=recovery gen=8 gave_up=a:limit",
    ],
  },
  {
    name: "a good slot with a limit ends in the other one when that is the last",
    change: (disk) => {
      both(disk, { ...SETTLED, gen: 8, limit: 1, last: "b" });
    },
    boots: [
      "good a, boots left: 0 (gen 8) → slot=a gen=8 left=0",
      "last b, good a has no boots left (gen 8) → slot=b gen=8 gave_up=a:limit",
      "last b, good a has no boots left (gen 8) → slot=b gen=8 gave_up=a:limit",
    ],
  },
  {
    name: "a good slot with a limit ends in the last one where the other was found bad",
    change: (disk) => {
      both(disk, { ...SETTLED, gen: 8, limit: 1, last: "recovery" });
      eraseSpec(disk, "b");
    },
    boots: [
      "good a, boots left: 0 (gen 8) → slot=a gen=8 left=0",
      "last recovery, good a has no boots left (gen 8) → slot=recovery gen=8 gave_up=a:limit",
    ],
  },
  {
    name: "a good slot with a limit and no last one ends in the menu",
    change: (disk) => {
      both(disk, { ...SETTLED, gen: 8, limit: 1 });
    },
    boots: [
      "good a, boots left: 0 (gen 8) → slot=a gen=8 left=0",
      "menu, good a has no boots left (gen 8)",
    ],
  },
  {
    name: "a trial and a good slot that both fail end in the last one",
    change: (disk) => {
      both(disk, { ...TRIAL, tries: 1, limit: 1, last: "recovery" });
    },
    boots: [
      "trial b, tries left: 0 (gen 8) → slot=b gen=8 left=0",
      "good a, trial b has no tries left, boots left: 0 (gen 8) → slot=a gen=8 left=0 fell=b why=tries",
      "last recovery, good a has no boots left (gen 8) → slot=recovery gen=8 gave_up=a:limit fell=b why=tries",
    ],
  },
  {
    name: "a trial that was used up is no last resort for a good slot without its kernel",
    change: (disk) => {
      both(disk, { ...TRIAL, tries: 1 });
      writeSpec(disk, "a", { kernel: "/boot/vmlinuz-2" });
      eraseSpec(disk, "recovery");
    },
    boots: [
      "trial b, tries left: 0 (gen 8) → slot=b gen=8 left=0",
      "good a, trial b has no tries left (gen 8)",
      "menu, no slot can be loaded (gen 8)",
    ],
  },
  {
    name: "a trial without its kernel: the good slot at once",
    change: (disk) => {
      both(disk, TRIAL);
      writeSpec(disk, "b", { kernel: "/boot/vmlinuz-2" });
    },
    boots: [
      "trial b, tries left: 2 (gen 8)",
      "good a, trial b cannot be loaded (gen 8) → slot=a gen=8 fell=b why=kernel",
    ],
  },
  {
    name: "a trial without its initrd: the good slot at once",
    change: (disk) => {
      both(disk, TRIAL);
      writeSpec(disk, "b", { initrd: "/boot/initrd-2" });
    },
    boots: [
      "trial b, tries left: 2 (gen 8)",
      "good a, trial b cannot be loaded (gen 8) → slot=a gen=8 fell=b why=kernel",
    ],
  },
  {
    name: "a trial whose kernel cannot be read: the good slot at once",
    change: (disk) => {
      both(disk, TRIAL);
      breakFile(disk, "b", KERNEL);
    },
    boots: [
      "trial b, tries left: 2 (gen 8)",
      "good a, trial b cannot be loaded (gen 8) → slot=a gen=8 fell=b why=kernel",
    ],
  },
  {
    name: "a trial whose initrd cannot be read: the good slot after a restart, and the trial again",
    change: (disk) => {
      both(disk, { ...TRIAL, tries: 2 });
      breakFile(disk, "b", INITRD);
    },
    boots: [
      "trial b, tries left: 1 (gen 8)",
      "good a, trial b cannot be loaded (gen 8) → slot=a gen=8 fell=b why=kernel",
      "trial b, tries left: 0 (gen 8)",
      "good a, trial b cannot be loaded (gen 8) → slot=a gen=8 fell=b why=kernel",
      "good a, trial b has no tries left (gen 8) → slot=a gen=8 fell=b why=tries",
    ],
  },
  {
    name: "no initrd that can be read: slot after slot, to the last",
    change: (disk) => {
      both(disk, SETTLED);
      breakFile(disk, "a", INITRD);
      breakFile(disk, "b", INITRD);
    },
    boots: [
      "good a (gen 7)",
      "last b, good a cannot be loaded (gen 7)",
      "last recovery, good a cannot be loaded (gen 7) → slot=recovery gen=7 gave_up=a:kernel",
      "good a (gen 7)",
    ],
  },
  {
    name: "a kernel without an initrd",
    change: (disk) => {
      both(disk, SETTLED);
      writeSpec(disk, "a", { initrd: undefined });
    },
    boots: ["good a (gen 7) → slot=a gen=7"],
  },
  {
    name: "a trial whose spec is erased: the good slot at once",
    change: (disk) => {
      both(disk, TRIAL);
      eraseSpec(disk, "b");
    },
    boots: [
      "trial b, tries left: 2 (gen 8)",
      "good a, trial b cannot be loaded (gen 8) → slot=a gen=8 fell=b why=kernel",
    ],
  },
  {
    name: "a good slot without its kernel: the other one",
    change: (disk) => {
      both(disk, { ...SETTLED, gen: 8, last: "recovery" });
      writeSpec(disk, "a", { kernel: "/boot/vmlinuz-2" });
    },
    boots: [
      "good a (gen 8)",
      "last b, good a cannot be loaded (gen 8) → slot=b gen=8 gave_up=a:kernel",
    ],
  },
  {
    name: "both without a kernel: recovery, though the record does not name it",
    change: (disk) => {
      both(disk, SETTLED);
      writeSpec(disk, "a", { kernel: "/boot/vmlinuz-2" });
      writeSpec(disk, "b", { kernel: "/boot/vmlinuz-2" });
    },
    boots: [
      "good a (gen 7)",
      "last b, good a cannot be loaded (gen 7)",
      "last recovery, good a cannot be loaded (gen 7) → slot=recovery gen=7 gave_up=a:kernel",
    ],
  },
  {
    name: "no slot with a system: the menu",
    change: (disk) => {
      both(disk, SETTLED);
      for (const slot of ["a", "b", "recovery"] as const) eraseSpec(disk, slot);
    },
    boots: ["good a (gen 7)", "menu, no slot can be loaded (gen 7)"],
  },
];

/** Reads GRUB's decisions from the console, each with the kernel command line if a kernel was started. */
async function watchBoots(
  disk: Disk,
  count: number,
  setup: Omit<MachineSetup, "disks"> = {},
): Promise<string[]> {
  await using machine = startMachine({ disks: [disk.path], ...setup });
  const boots: string[] = [];
  let decisions = 0;
  while (decisions < count || boots.at(-1)?.includes("?") === true) {
    const line = await machine.expectLine(
      /^tandem: (?:trial|good|other|last|menu|cannot load)|^BOOT_IMAGE=/,
      BOOT_SECONDS,
    );
    if (line.startsWith("BOOT_IMAGE="))
      boots.push(boots.pop()?.replace("?", optionsOf(line)) ?? line);
    else if (line.startsWith("tandem: cannot"))
      boots.push(boots.pop()?.replace(" → ?", "") ?? line);
    else {
      const decision = line.slice("tandem: ".length);
      boots.push(decision.startsWith("menu") ? decision : `${decision} → ?`);
      decisions += 1;
    }
  }
  return boots;
}

/** Returns tandem's options without their prefix: "slot=b gen=8 …". */
function optionsOf(options: string): string {
  return [...options.matchAll(/ tandem\.(\S+)/g)].map(([, option]) => option).join(" ");
}

test.each(CASES.map((one) => [one.name, one] as const))(
  "grub.cfg: %s",
  async (_, { change, boots, readOnly = false }) => {
    const disk = copyDisk(base, join(folder, `${crypto.randomUUID()}.img`));
    await change(disk);
    expect(await watchBoots(disk, boots.length, { readOnly })).toEqual([...boots]);
  },
);

test("grub.cfg passes root, the options of the image and those of tandem to the kernel", async () => {
  const disk = copyDisk(base, join(folder, "options.img"));
  writeRecord(disk, 0, TRIAL);
  await using machine = startMachine({ disks: [disk.path] });
  const { number, partuuid } = partOf(disk, "b");
  expect(await machine.expectLine(/^BOOT_IMAGE/, BOOT_SECONDS)).toBe(
    `BOOT_IMAGE=(hd0,${number})/boot/vmlinuz-1 root=PARTUUID=${partuuid} ro rootfstype=ext4 panic=10 ` +
      "tandem.slot=b tandem.gen=8 tandem.left=2 image=b quiet",
  );
});

test("a new record restarts the count", async () => {
  const disk = copyDisk(base, join(folder, "again.img"));
  writeRecord(disk, 0, TRIAL);
  expect(await watchBoots(disk, 1)).toEqual([
    "trial b, tries left: 2 (gen 8) → slot=b gen=8 left=2",
  ]);
  writeRecord(disk, 1, { ...TRIAL, gen: 9 });
  expect(await watchBoots(disk, 1)).toEqual([
    "trial b, tries left: 2 (gen 9) → slot=b gen=9 left=2",
  ]);
});

test("GRUB never reads a second disk with the same partitions", async () => {
  const disk = copyDisk(base, join(folder, "first.img"));
  const other = copyDisk(base, join(folder, "second.img"));
  writeRecord(disk, 0, SETTLED);
  writeRecord(other, 0, { ...TRIAL, gen: 99 });
  await using machine = startMachine({ disks: [disk.path, other.path] });
  const line = await machine.expectLine(/^tandem: /, BOOT_SECONDS);
  expect(line).toBe("tandem: good a (gen 7)");
});

test("a boot from the menu after a used-up limit is not counted", async () => {
  const disk = copyDisk(base, join(folder, "menu.img"));
  writeRecord(disk, 0, { ...SETTLED, limit: 1 });
  await using machine = startMachine({ disks: [disk.path] });
  await machine.expectLine(/^tandem: menu/, BOOT_SECONDS);
  await machine.expectLine(/Slot b: \/boot\/vmlinuz-1/, BOOT_SECONDS);
  await machine.type("\u001b[B\r");
  const line = await machine.expectLine(/^BOOT_IMAGE=/, BOOT_SECONDS);
  expect(optionsOf(line)).toBe("slot=b gen=7 uncounted");
});

test("ESC shows the menu before anything is counted", async () => {
  const disk = makeProbeDisk(join(folder, "wait.img"), { serial: 0, wait: 5 });
  writeRecord(disk, 0, TRIAL);
  await using machine = startMachine({ disks: [disk.path] });
  await machine.expectLine(/^tandem: ESC for the menu/, BOOT_SECONDS);
  await machine.type("\u001b");
  await machine.expectLine(/Slot a: \/boot\/vmlinuz-1/, BOOT_SECONDS);
  await machine.type("\r");
  const line = await machine.expectLine(/^BOOT_IMAGE=/, BOOT_SECONDS);
  expect(optionsOf(line)).toBe("slot=a gen=8 uncounted");
  expect(await machine.expectLine(/^tandem: trial/, BOOT_SECONDS)).toBe(
    "tandem: trial b, tries left: 2 (gen 8)",
  );
});

test("under EFI the same script counts and falls back in the same way", async () => {
  // The firmware already uses the serial console, so GRUB need not open it.
  const disk = makeProbeDisk(join(folder, "efi.img"), {});
  writeRecord(disk, 0, { ...TRIAL, tries: 2 });
  expect(await watchBoots(disk, 3, { firmware: "efi" })).toEqual([
    "trial b, tries left: 1 (gen 8) → slot=b gen=8 left=1",
    "trial b, tries left: 0 (gen 8) → slot=b gen=8 left=0",
    "good a, trial b has no tries left (gen 8) → slot=a gen=8 fell=b why=tries",
  ]);
});
