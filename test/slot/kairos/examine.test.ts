import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { defined } from "../../../src/lib/assert.ts";
import { examineImages } from "../../../src/slot/kairos/examine.ts";
import { temporaryFolder } from "../../peers/temporary-folder.ts";
import { type FakeKairos, type FakeSetup, kairosKernel, LABELS } from "./kairos-kernel.ts";
import { fill, system } from "./systems.ts";

const ACTIVE = system("COS_ACTIVE", 2);
const PASSIVE = system("COS_PASSIVE", 1);

const onState = (path: string, more: FakeSetup = {}): FakeKairos =>
  kairosKernel({ mounts: [{ device: "8:4", path }], ...more });

test.each<[string, Record<string, Uint8Array>, string]>([
  [
    "two whole images",
    { "active.img": ACTIVE, "passive.img": PASSIVE },
    "ok the labels are COS_ACTIVE and COS_PASSIVE, by which the kernel finds them",
  ],
  ["no passive image", { "active.img": ACTIVE }, "warn there is no passive.img: nothing boots"],
  [
    "no active image",
    { "passive.img": PASSIVE },
    "bad there is no active.img: GRUB shows an error",
  ],
  [
    "an active image with another label",
    { "active.img": system("COS_SYSTEM", 1) },
    "bad the label of active.img is COS_SYSTEM, want COS_ACTIVE",
  ],
  [
    "an active image that the kernel refuses",
    { "active.img": new Uint8Array(4096) },
    "bad the label of active.img is unreadable, want COS_ACTIVE",
  ],
])("examineImages() of %s", async (_, files, want) => {
  await using folder = await temporaryFolder();
  fill(folder.path, files);
  const [{ verdict, text } = expect.unreachable(), ...more] = examineImages(
    onState(folder.path),
    "/dev/sda",
  );
  expect(`${verdict} ${text}`).toStartWith(want);
  expect(more).toEqual([]);
});

test("examineImages() finishes an interrupted swap", async () => {
  await using folder = await temporaryFolder();
  fill(folder.path, { "active.img": ACTIVE, "previous.img": system("COS_ACTIVE", 1) });
  const machine = onState(folder.path);
  const [finding] = examineImages(machine, "/dev/sda");
  expect(finding).toMatchObject({
    verdict: "warn",
    text: "an upgrade was interrupted while the images changed places",
  });
  const repair = defined(finding?.repair, "repair");
  machine.lockedElsewhere.add(folder.path);
  await expect(repair.run()).rejects.toThrow("Cannot lock /dev/sda: another run is at work on it");
  machine.lockedElsewhere.clear();
  await repair.run();
  expect(readdirSync(`${folder.path}/cOS`).toSorted()).toEqual(["active.img", "passive.img"]);
  expect(machine.log.at(-1)).toBe(`remount ${folder.path} ro`);
});

test("examineImages() tells of a system that has not taken its slot", async () => {
  await using folder = await temporaryFolder();
  fill(folder.path, { "active.img": ACTIVE, "passive.img": PASSIVE, "transition.img": ACTIVE });
  const found = examineImages(onState(folder.path), "/dev/sda");
  expect(found.map(({ verdict, text }) => `${verdict} ${text}`)).toContain(
    "warn there is a transition.img: an upgrade is at work, or one was interrupted",
  );
});

test("examineImages() names another disk with the same label", async () => {
  await using folder = await temporaryFolder();
  fill(folder.path, { "active.img": ACTIVE, "passive.img": PASSIVE });
  const machine = onState(folder.path, { disks: { sda: LABELS, sdb: LABELS } });
  expect(examineImages(machine, "/dev/sda").map(({ text }) => text)).toContain(
    "/dev/sdb has a partition COS_STATE, as /dev/sda has: GRUB may take its files",
  );
});

test("examineImages() says nothing of a disk that is not mounted", () => {
  expect(examineImages(kairosKernel(), "/dev/sda")).toEqual([]);
});
