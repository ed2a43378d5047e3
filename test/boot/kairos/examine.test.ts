/** What doctor, status and an upgrade learn about the files of GRUB before anything is written. */
import { expect, test } from "bun:test";
import type { Finding } from "../../../src/lib/finding.ts";
import { MiB } from "../../../src/lib/units.ts";
import { directory, Ext4Image } from "../../fakes/ext4-image.ts";
import { PagedImage } from "../../fakes/paged-image.ts";
import { type Contents, KairosMachine } from "./kairos-machine.ts";
import { settledOn, trialOf } from "./records.ts";

const ASSESSMENT = "/state/boot_assessment";
const GRUBENV = "/oem/grubenv";

function findingsOf(machine: KairosMachine): Finding[] {
  const loader = machine.open();
  return [...loader.examineRecord(), ...(loader.examineOtherFiles?.() ?? [])];
}

const linesOf = (findings: readonly Finding[]): string[] =>
  findings.map(({ verdict, subject, text }) => `${verdict} ${subject}: ${text}`);

test("a machine in order", async () => {
  const machine = new KairosMachine();
  expect(linesOf(findingsOf(machine))[0]).toBe(
    "ok environment files of GRUB: tandem has committed no boot record here",
  );
  await machine.open().commit(trialOf("active"));
  expect(linesOf(findingsOf(machine))).toEqual([
    "ok environment files of GRUB: they say what boot record 1 says",
    "ok boot assessment of GRUB: its scripts are on COS_STATE",
    "ok grubenv: /oem/grubenv can be used",
  ]);
});

async function machineWith(contents: Contents): Promise<KairosMachine> {
  const machine = new KairosMachine();
  await machine.open().commit(settledOn("passive"));
  machine.change(contents);
  return machine;
}

const troublesOf = (machine: KairosMachine): Finding[] =>
  findingsOf(machine).filter(({ verdict }) => verdict !== "ok");

test.each<[string, Contents, string]>([
  ["cleared", { [ASSESSMENT]: {} }, `${ASSESSMENT} does not make GRUB fall back`],
  ["no script", { "/state/grub_boot_assessment": undefined }, "in /grub_boot_assessment"],
  ["no lines", { "/state/grubcustom": undefined }, "in /grubcustom"],
  ["an empty grubenv", { [GRUBENV]: "" }, `${GRUBENV} is empty`],
])("doctor repairs: %s", async (_, contents, text) => {
  const machine = await machineWith(contents);
  expect(linesOf(troublesOf(machine)).join("\n")).toContain(text);
  for (const { repair } of troublesOf(machine)) await repair?.run();
  expect(troublesOf(machine)).toEqual([]);
});

test.each<[string, Contents, string]>([
  ["a damaged grubenv", { [GRUBENV]: "x".padEnd(1024) }, "is no GRUB environment file"],
  ["two of them", { "/state/grubenv": {} }, "more than one: /oem/grubenv and /state/grubenv"],
  ["a choice for all boots", { [GRUBENV]: { saved_entry: "recovery" } }, 'is "recovery"'],
  ["an old menu", { "/state/grub2/grub.cfg": "old" }, "reads no grubcustom"],
])("doctor leaves to the operator: %s", async (_, contents, text) => {
  const machine = await machineWith(contents);
  const troubles = troublesOf(machine);
  expect(linesOf(troubles).join("\n")).toContain(text);
  expect(troubles.map(({ repair }) => repair)).toEqual([undefined]);
});

test("a grubenv on another disk may hide that of the machine", async () => {
  const machine = new KairosMachine();
  await machine.open().commit(trialOf("active"));
  const other = { next_entry: "cos" };
  machine.boot();
  machine.change({ [GRUBENV]: other });
  expect(linesOf(troublesOf(machine)).join()).toContain("which is over");
  machine.boot();
  machine.boot();
  machine.change({ [GRUBENV]: other });
  expect(machine.slot).toBe("passive");
  expect(machine.open().summary.fell).toBeUndefined();
  expect(linesOf(troublesOf(machine)).join()).toContain("GRUB has not taken next_entry");
});

test("a grubcustom that is no text file of a menu is left alone", async () => {
  const machine = new KairosMachine();
  await machine.open().commit(settledOn("passive"));
  machine.change({ "/state/grubcustom": "#".repeat(300_000) });
  expect(linesOf(findingsOf(machine)).join("\n")).toContain(
    "it has 300000 bytes, want at most 262144",
  );
});

/** A system without its initrd. */
function imageWithoutInitrd(): Uint8Array {
  const disk = PagedImage.zeros(4 * MiB);
  const image = new Ext4Image(disk.file());
  const boot = directory({ vmlinuz: image.file("kernel") });
  image.finish(directory({ boot, etc: directory() }));
  return disk.bytes();
}

test("images that GRUB cannot start", () => {
  const machine = new KairosMachine();
  const problemOf = (contents: Contents): string | undefined => {
    machine.change(contents);
    return machine.open().startProblem("active");
  };
  expect(problemOf({})).toBe("/state/cOS/active.img is not there");
  expect(problemOf({ "/state/cOS/active.img": "" })).toBe("/state/cOS/active.img is empty");
  expect(problemOf({ "/state/cOS/active.img": imageWithoutInitrd() })).toBe(
    "/state/cOS/active.img has no /boot/initrd",
  );
  // The kernel and GRUB read more kinds of file systems than tandem does.
  expect(problemOf({ "/state/cOS/active.img": "x".repeat(4096) })).toBeUndefined();
  expect(machine.open().startProblem("recovery")).toBeUndefined();
});

test("what cannot be written is refused before an upgrade", () => {
  expect(() => new KairosMachine().open().refuseReadOnly()).not.toThrow();
  const readOnlyReason = "its file system has errors";
  expect(() => new KairosMachine({ readOnlyReason }).open().refuseReadOnly()).toThrow(
    "Cannot change the environment files of GRUB in /state: its file system has errors",
  );
});
