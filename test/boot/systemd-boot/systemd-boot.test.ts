import { expect, test } from "bun:test";
import type { BootFile, BootFiles, Bootloader } from "../../../src/boot/bootloader.ts";
import { contentOf, type Esp } from "../../../src/boot/esp/esp.ts";
import { rawEsp } from "../../../src/boot/esp/raw-esp.ts";
import type { Control } from "../../../src/control/control.ts";
import type { Machine } from "../../../src/machine/machine.ts";
import type { SlotName } from "../../../src/slot/slot.ts";
import { controlIn } from "../../fakes/control.ts";
import type { PagedImage } from "../../fakes/paged-image.ts";
import { bootWithSystemd } from "../../fakes/systemd-boot-model.ts";
import { rejection } from "../../fakes/source.ts";
import { initrdOf, kernelOf } from "../../fakes/boot-files.ts";
import { machineWith, partOfDisk, PLACES, wholeDisk } from "../../fakes/whole-disk.ts";
import { FIRST_BOOT, upgradeTo } from "../../upgrade/disk.ts";

const ENTRIES = "/loader/entries";

/** v1 is good in slot a, v2 on trial in slot b. */
async function armed(): Promise<PagedImage> {
  const image = await wholeDisk("v1", { loader: "systemd-boot" });
  await upgradeTo("v2", machineWith(image.file(), FIRST_BOOT));
  return image;
}

const espOf = (image: PagedImage): Esp => rawEsp(partOfDisk(image.file(), "esp"));
const boot = (image: PagedImage): Promise<string | undefined> =>
  bootWithSystemd(partOfDisk(image.file(), "esp"));
const slotOf = async (image: PagedImage): Promise<string | undefined> =>
  /tandem\.slot=(\w+)/.exec((await boot(image)) ?? "")?.[1];
const controlOf = (image: PagedImage): Control => controlIn(partOfDisk(image.file(), "control"));

function namesIn(image: PagedImage, folder = ENTRIES): string[] {
  return (espOf(image).list(folder) ?? []).map(({ name }) => name).toSorted();
}

function textOf(image: PagedImage, path: string): string {
  const chunks = [...(espOf(image).read(path)?.read() ?? [])].map((chunk) => Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

async function repaired(image: PagedImage): Promise<Machine> {
  await machineWith(image.file()).loader.repair();
  return machineWith(image.file());
}

test("a disk is told by its files, and its first system has an entry", async () => {
  const image = await wholeDisk("v1", { loader: "systemd-boot" });
  const { loader, loaderSeen } = machineWith(image.file());
  expect([loader.name, loaderSeen]).toEqual([
    "systemd-boot",
    "/loader/loader.conf, /EFI/BOOT/BOOTX64.EFI",
  ]);
  expect(namesIn(image)).toEqual(["tandem-a.conf"]);
  expect(await boot(image)).toBe(
    "tandem.slot=a tandem.gen=1 root=PARTUUID=03030303-0303-0303-0303-030303030303 ro rootfstype=ext4 panic=10",
  );
});

test("prepare() brings kernel and initrd to the ESP, and forget() takes them away", async () => {
  const image = await armed();
  const files = namesIn(image, "/tandem/b");
  expect(files).toHaveLength(2);
  expect(textOf(image, `/tandem/b/${files[1]}`)).toContain("kernel of v2");
  const { loader } = machineWith(image.file());
  expect(loader.startProblem("b")).toBeUndefined();
  await loader.forget("b");
  expect([namesIn(image, "/tandem/b"), namesIn(image)]).toEqual([[], ["tandem-a-2.conf"]]);
  expect(loader.startProblem("b")).toContain("its boot spec cannot be used");
});

test("a slot whose kernel has gone from the ESP cannot be started, and is passed over", async () => {
  const image = await armed();
  const [, linux] = namesIn(image, "/tandem/b");
  await espOf(image).remove(`/tandem/b/${linux}`);
  expect(machineWith(image.file()).loader.startProblem("b")).toBe(
    `/tandem/b/${linux} is not on the ESP`.replace("the ESP", "EFI system on /disk.img"),
  );
  expect(await slotOf(image)).toBe("a");
  const { cmdline } = machineWith(image.file(), "tandem.slot=a tandem.gen=2");
  expect(cmdline).toMatchObject({ fell: "b", why: "kernel", gen: 2 });
});

test("commit() refuses to lead to a slot that cannot be started, and changes nothing", async () => {
  const image = await wholeDisk("v1", { loader: "systemd-boot" });
  const next = { good: "a", trial: "b", tries: 2, limit: 0, last: undefined } as const;
  const error = await rejection(machineWith(image.file()).loader.commit(next));
  expect(error).toMatchObject({ code: "boot", message: expect.stringContaining("slot b") });
  expect([namesIn(image), controlOf(image).loaderData.record?.gen]).toEqual([["tandem-a.conf"], 1]);
});

test("a kernel that does not fit is refused before anything leads to it", async () => {
  const image = await wholeDisk("v1", { loader: "systemd-boot" });
  const { loader, loaderData } = machineWith(image.file());
  const spec = loaderData.spec("a");
  if ("invalid" in spec) throw new Error(spec.invalid);
  const kernel = { path: "/k", sizeBytes: 6 * 1024 ** 2, read: () => [] };
  const error = await rejection(
    loader.prepare("b", { ...spec, initrd: undefined }, { kernel, initrd: undefined }),
  );
  expect(error).toMatchObject({
    code: "no-space",
    message: expect.stringMatching(/needs \d+ bytes, has \d+/),
  });
  expect(loader.startProblem("b")).toContain("its boot spec cannot be used");
});

test("the options of the machine are those of each slot", async () => {
  const image = await wholeDisk("v1", { loader: "systemd-boot" });
  await espOf(image).write("/tandem/options", contentOf("console=ttyS0\n"));
  await upgradeTo("v2", machineWith(image.file(), FIRST_BOOT));
  expect(await boot(image)).toEndWith("panic=10 console=ttyS0");
});

test("a boot that the firmware could not count is known as such", async () => {
  const image = await armed();
  const cmdline = await bootWithSystemd(partOfDisk(image.file(), "esp"), { readOnly: true });
  expect(machineWith(image.file(), cmdline).cmdline).toMatchObject({ left: 3, uncounted: true });
  const counted = await boot(image);
  expect(machineWith(image.file(), counted).cmdline).toMatchObject({ left: 2, uncounted: false });
});

async function addName(image: PagedImage, from: string, to: string): Promise<void> {
  const esp = espOf(image);
  await esp.write(`${ENTRIES}/${to}`, contentOf(textOf(image, `${ENTRIES}/${from}`)));
}

test.each([
  ["tandem-b+2-1.conf", "tandem-b+2-1.conf"],
  ["tandem-b.conf", "tandem-b+3.conf"],
])("of two names for one slot, one of them %s, the more careful stays", async (other, kept) => {
  const image = await armed();
  await addName(image, "tandem-b+3.conf", other);
  await repaired(image);
  expect(namesIn(image)).toEqual(["tandem-a-2.conf", kept]);
});

test("what is no entry of ours is removed, and what is somebody else's stays", async () => {
  const image = await armed();
  const esp = espOf(image);
  await esp.write(`${ENTRIES}/tandem-b+9.conf`, contentOf("title torn\n"));
  await esp.write(`${ENTRIES}/arch.conf`, contentOf("title Arch\n"));
  await repaired(image);
  expect(namesIn(image)).toEqual(["arch.conf", "tandem-a-2.conf", "tandem-b+3.conf"]);
});

test("an entry that the firmware has lost is written again", async () => {
  const image = await armed();
  await boot(image);
  await espOf(image).remove(`${ENTRIES}/tandem-b+2-1.conf`);
  expect(await slotOf(image)).toBe("a");
  await repaired(image);
  expect(namesIn(image)).toEqual(["tandem-a-2.conf", "tandem-b+3.conf"]);
});

test("a lost record is taken over from the entries", async () => {
  const image = await armed();
  const { record } = controlOf(image).loaderData;
  image.write(PLACES.control.offsetBytes, new Uint8Array(0x2000));
  const { loader, loaderData } = machineWith(image.file());
  expect(loaderData.record).toBeUndefined();
  expect(loader.unfinished()).toContain("boot record 2 is on");
  await loader.repair();
  expect(loader.unfinished()).toBeUndefined();
  expect(controlOf(image).loaderData.record).toEqual(record);
  expect(await slotOf(image)).toBe("b");
});

test("a lost spec is taken from the entry", async () => {
  const image = await armed();
  await machineWith(image.file()).loaderData.eraseSpec("b");
  const { loader } = machineWith(image.file());
  expect(loader.startProblem("b")).toBeUndefined();
  await loader.commit({ good: "b", trial: undefined, tries: 0, limit: 0, last: "a" });
  expect(namesIn(image)).toEqual(["tandem-a.conf", "tandem-b.conf"]);
  expect(await slotOf(image)).toBe("b");
});

test("a record that is ahead of the entries is written to the ESP", async () => {
  const image = await armed();
  await controlOf(image).loaderData.commitRecord({
    good: "b",
    trial: undefined,
    tries: 0,
    limit: 0,
    last: "a",
  });
  await repaired(image);
  expect(await slotOf(image)).toBe("b");
});

test("an entry whose files have got other names is written again with the boots that it had left", async () => {
  const image = await armed();
  await boot(image);
  const { loader, loaderData } = machineWith(image.file());
  const spec = loaderData.spec("b");
  if ("invalid" in spec) throw new Error(spec.invalid);
  const kernel = bootFile("/boot/vmlinuz", "kernel");
  const initrd = bootFile("/boot/initrd", "initrd");
  await loader.prepare(
    "b",
    { ...spec, digest: "uuid:0123456789abcdef0123456789abcdef" },
    { kernel, initrd },
  );
  expect(loader.unfinished()).toMatch(/^slot b has no entry for boot record 2 on /);
  await loader.repair();
  expect(loader.unfinished()).toBeUndefined();
  expect(namesIn(image)).toEqual(["tandem-a-2.conf", "tandem-b-2+2.conf"]);
  expect(textOf(image, `${ENTRIES}/tandem-b-2+2.conf`)).toEndWith("/tandem/b/linux-0123456789ab\n");
  expect(spoilt(loader, "b", { kernel, initrd })).toBeUndefined();
});

test("mismatch() tells the first copy that is not as in the slot", async () => {
  const image = await wholeDisk("v1", { loader: "systemd-boot" });
  const { loader } = machineWith(image.file());
  const kernel = bootFile("/boot/vmlinuz", kernelOf("kernel of v1 ".repeat(1000)));
  const initrd = bootFile("/boot/initrd", initrdOf("initrd of v1 ".repeat(1000)));
  expect(spoilt(loader, "a", { kernel, initrd })).toBeUndefined();
  const other = bootFile("/boot/initrd", "initrd of v2 ".repeat(1000));
  expect(spoilt(loader, "a", { kernel, initrd: other })).toMatch(
    /initrd-\w+ on .* is not \/boot\/initrd$/,
  );
  expect(spoilt(loader, "a", { kernel, initrd: undefined })).toMatch(
    /initrd-\w+ is not in the slot$/,
  );
  expect(spoilt(loader, "b", { kernel, initrd })).toContain("its boot spec cannot be used");
});

/** As far as the copies go. */
function spoilt(loader: Bootloader, slot: SlotName, files: BootFiles): string | undefined {
  return loader.mismatch(slot, { address: {}, files });
}

function bootFile(path: string, data: string | Uint8Array): BootFile {
  const bytes = Buffer.from(data);
  return { path, sizeBytes: bytes.byteLength, read: () => [bytes] };
}

test("without anything that can be started the entries stay as they are", async () => {
  const image = await armed();
  for (const slot of ["a", "b"] as const) {
    for (const name of namesIn(image, `/tandem/${slot}`))
      await espOf(image).remove(`/tandem/${slot}/${name}`);
    await controlOf(image).loaderData.eraseSpec(slot);
  }
  await controlOf(image).loaderData.commitRecord({
    good: "b",
    trial: undefined,
    tries: 0,
    limit: 0,
    last: "a",
  });
  await repaired(image);
  expect(namesIn(image)).toEqual(["tandem-a-2.conf", "tandem-b+3.conf"]);
});

test("a boot on top of all that were allowed is not counted: a reboot would start the same again", async () => {
  const image = await wholeDisk("v1", { loader: "systemd-boot", limit: 2 });
  const lefts: (number | undefined)[] = [];
  for (let count = 0; count < 4; count += 1) {
    const cmdline = (await boot(image)) ?? "";
    expect(cmdline.includes(" tandem.counted ")).toBe(count < 2);
    lefts.push(machineWith(image.file(), cmdline).cmdline.left);
  }
  expect(lefts).toEqual([1, 0, undefined, undefined]);
  // Where there is only what is counted it is the same.
  await espOf(image).remove(`${ENTRIES}/tandem-a.conf`);
  const cmdline = await boot(image);
  expect(cmdline).toContain(" tandem.counted ");
  expect(machineWith(image.file(), cmdline).cmdline.left).toBeUndefined();
});
