import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { BootFiles, Bootloader } from "../../../src/boot/bootloader.ts";
import { grub } from "../../../src/boot/grub/grub.ts";
import { formatControl } from "../../../src/control/control.ts";
import type { LoaderData } from "../../../src/control/loader-data.ts";
import { settled } from "../../../src/control/decide.ts";
import { TRIES_MAX } from "../../../src/control/record.ts";
import { emptyState } from "../../../src/control/state.ts";
import { MiB } from "../../../src/lib/units.ts";
import { controlIn } from "../../fakes/control.ts";
import { NO_ESP } from "../../fakes/machine.ts";
import { PagedImage } from "../../fakes/paged-image.ts";

const kernel = { path: "/boot/vmlinuz", sizeBytes: 0, read: () => [] };
const files: BootFiles = { kernel, initrd: undefined };
const spec = {
  kernel: "/boot/vmlinuz",
  initrd: undefined,
  options: "",
  address: { part: "5", partuuid: "00000000-0000-4000-8000-000000000005" },
  digest: `sha256:${"0".repeat(64)}`,
};

async function format(): Promise<LoaderData> {
  const control = controlIn(PagedImage.zeros(MiB).file());
  const record = settled("a", { limit: 0, bootable: [] });
  await formatControl(control, { record, state: emptyState() });
  return control.loaderData;
}

function openGrub(loaderData: LoaderData): Bootloader {
  return grub.open({ loaderData, loaderDataAddress: "1", esp: NO_ESP });
}

test("a slot can be started between prepare() and forget()", async () => {
  const loader = openGrub(await format());
  expect(loader.startProblem("b")).toContain("spec");
  await loader.prepare("b", spec, files);
  expect(loader.startProblem("b")).toBeUndefined();
  await loader.forget("b");
  expect(loader.startProblem("b")).toContain("spec");
});

test("commit() puts the record in force", async () => {
  const loaderData = await format();
  const next = { good: "a", trial: "b", tries: 2, limit: 0, last: undefined } as const;
  expect(await openGrub(loaderData).commit(next)).toEqual({ ...next, gen: 2 });
  expect(loaderData.record).toEqual({ ...next, gen: 2 });
});

test("mismatch() compares the spec with the partition, and with the names of kernel and initrd", async () => {
  const loader = openGrub(await format());
  const { address } = spec;
  const initrd = { ...kernel, path: "/boot/initrd" };
  expect(loader.mismatch("b", { address, files })).toBeUndefined();
  await loader.prepare("b", spec, files);
  expect(loader.mismatch("b", { address, files })).toBeUndefined();
  expect(loader.mismatch("b", { address: { ...address, part: "6" }, files: undefined })).toBe(
    `its boot spec names partition 5 (${address.partuuid}), but the slot is partition 6 (${address.partuuid})`,
  );
  expect(loader.mismatch("b", { address: { ...address, partuuid: "x" }, files })).toContain(
    "5 (x)",
  );
  expect(loader.mismatch("b", { address, files: { kernel, initrd } })).toBe(
    "its boot spec names /boot/vmlinuz, but the slot has /boot/vmlinuz and /boot/initrd",
  );
});

test("grub.cfg counts down from as many tries as a record may have", () => {
  const script = readFileSync("src/boot/grub/grub.cfg", "utf8");
  const chain = /function count_down \{[^}]*for number in ([0-9 ]+);/.exec(script)?.[1] ?? "";
  expect(chain.split(" ").map(Number)).toEqual(
    Array.from({ length: TRIES_MAX - 1 }, (_, i) => i + 1),
  );
});
