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

test("the loader is detected by its files, and the first system has an entry", async () => {
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

test("prepare() copies kernel and initrd to the ESP, and forget() removes the copies", async () => {
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

test("a slot whose kernel is missing on the ESP cannot be started, and is skipped", async () => {
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

test("commit() refuses a slot that cannot be started, and changes nothing", async () => {
  const image = await wholeDisk("v1", { loader: "systemd-boot" });
  const next = { good: "a", trial: "b", tries: 2, limit: 0, last: undefined } as const;
  const error = await rejection(machineWith(image.file()).loader.commit(next));
  expect(error).toMatchObject({ code: "boot", message: expect.stringContaining("slot b") });
  expect([namesIn(image), controlOf(image).loaderData.record?.gen]).toEqual([["tandem-a.conf"], 1]);
});

test("a kernel that does not fit on the ESP is refused before the record names its slot", async () => {
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

test("each slot gets the options of the machine", async () => {
  const image = await wholeDisk("v1", { loader: "systemd-boot" });
  await espOf(image).write("/tandem/options", contentOf("console=ttyS0\n"));
  await upgradeTo("v2", machineWith(image.file(), FIRST_BOOT));
  expect(await boot(image)).toEndWith("panic=10 console=ttyS0");
});

test("a boot that the firmware could not count is recognised", async () => {
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
])(
  "of two counted names for one slot, one of them %s, the one with fewer boots left stays",
  async (other, kept) => {
    const image = await armed();
    await addName(image, "tandem-b+3.conf", other);
    await repaired(image);
    expect(namesIn(image)).toEqual(["tandem-a-2.conf", kept]);
  },
);

test("damaged entries of tandem are removed, and entries of other systems stay", async () => {
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

test("a lost record is restored from the entries", async () => {
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

test("a slot whose spec is lost is started by its entry", async () => {
  const image = await armed();
  await machineWith(image.file()).loaderData.eraseSpec("b");
  const { loader } = machineWith(image.file());
  expect(loader.startProblem("b")).toBeUndefined();
  await loader.commit({ good: "b", trial: undefined, tries: 0, limit: 0, last: "a" });
  expect(namesIn(image)).toEqual(["tandem-a.conf", "tandem-b.conf"]);
  expect(await slotOf(image)).toBe("b");
});

test("missing entries of the record are written to the ESP", async () => {
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

test("an entry whose files have new names is written again with the boots that it had left", async () => {
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
  expect(copyMismatch(loader, "b", { kernel, initrd })).toBeUndefined();
});

test("mismatch() names the first copy that differs from the slot", async () => {
  const image = await wholeDisk("v1", { loader: "systemd-boot" });
  const { loader } = machineWith(image.file());
  const kernel = bootFile("/boot/vmlinuz", kernelOf("kernel of v1 ".repeat(1000)));
  const initrd = bootFile("/boot/initrd", initrdOf("initrd of v1 ".repeat(1000)));
  expect(copyMismatch(loader, "a", { kernel, initrd })).toBeUndefined();
  const other = bootFile("/boot/initrd", "initrd of v2 ".repeat(1000));
  expect(copyMismatch(loader, "a", { kernel, initrd: other })).toMatch(
    /initrd-\w+ on .* is not \/boot\/initrd$/,
  );
  expect(copyMismatch(loader, "a", { kernel, initrd: undefined })).toMatch(
    /initrd-\w+ is not in the slot$/,
  );
  expect(copyMismatch(loader, "b", { kernel, initrd })).toContain("its boot spec cannot be used");
});

/** Compares only the copies. */
function copyMismatch(loader: Bootloader, slot: SlotName, files: BootFiles): string | undefined {
  return loader.mismatch(slot, { address: {}, files });
}

function bootFile(path: string, data: string | Uint8Array): BootFile {
  const bytes = Buffer.from(data);
  return { path, sizeBytes: bytes.byteLength, read: () => [bytes] };
}

test("when no slot can be started the entries stay", async () => {
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

test("a boot beyond the allowed ones does not count: a reboot would start the same entry again", async () => {
  const image = await wholeDisk("v1", { loader: "systemd-boot", limit: 2 });
  const lefts: (number | undefined)[] = [];
  for (let count = 0; count < 4; count += 1) {
    const cmdline = (await boot(image)) ?? "";
    expect(cmdline.includes(" tandem.counted ")).toBe(count < 2);
    lefts.push(machineWith(image.file(), cmdline).cmdline.left);
  }
  expect(lefts).toEqual([1, 0, undefined, undefined]);
  // The same with counted entries only.
  await espOf(image).remove(`${ENTRIES}/tandem-a.conf`);
  const cmdline = await boot(image);
  expect(cmdline).toContain(" tandem.counted ");
  expect(machineWith(image.file(), cmdline).cmdline.left).toBeUndefined();
});
