/**
 * Passes kernel options with every character that tandem accepts from an image through the real boot loaders to the
 * kernel.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { makeDisk } from "../../scripts/disk.ts";
import { installFirst } from "../../scripts/disk/first-system.ts";
import { parseOptions } from "../../src/boot/image/options.ts";
import { TandemError } from "../../src/lib/error.ts";
import { MiB } from "../../src/lib/units.ts";
import { writeImage } from "../peers/image.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { GUEST_OPTIONS, guestMembers } from "./guest-image.ts";
import { startMachine } from "./machine.ts";
import { makeProbeDisk, writeRecord, writeSpec } from "./probe-disk.ts";

setDefaultTimeout(1_800_000);
const BOOT_SECONDS = 600;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

/**
 * Every visible ASCII character at the start, in the middle and at the end of a word, and next to GRUB's pattern
 * characters.
 */
const CHARS = Array.from({ length: 0x7e - 0x20 }, (_, at) => String.fromCharCode(at + 0x21));
const WORDS = CHARS.flatMap((char) => [
  `${char}0*`,
  `x=${char}*`,
  `/${char}`,
  `(hd0${char}`,
]).filter(isAccepted);
/** Options from real command lines. */
const KNOWN = "acpi_osi=!* memmap=64M$0x8000000 dyndbg=+p isolcpus=1-3,8 ip=10.0.0.1::10.0.0.2:off";

function isAccepted(word: string): boolean {
  try {
    return parseOptions(`quiet ${word}`, "").endsWith(word);
  } catch (error) {
    if (error instanceof TandemError) return false;
    throw error;
  }
}

test("GRUB passes the options unchanged to the kernel", async () => {
  const disk = makeProbeDisk(folder.in("grub.img"), { serial: 0 });
  const record = { good: "a", trial: undefined, tries: 0, limit: 0, last: undefined } as const;
  writeRecord(disk, 0, { gen: 7, ...record });
  expect(WORDS.length).toBeGreaterThan(350);
  // An image may have at most 1536 bytes of options.
  const pieces = `${KNOWN} ${WORDS.join(" ")}`.match(/.{1,1500}(?: |$)/g) ?? [];
  for (const piece of pieces.map((text) => text.trim())) {
    writeSpec(disk, "a", { options: piece });
    await using machine = startMachine({ disks: [disk.path], once: true });
    expect(await machine.expectLine(/^BOOT_IMAGE=/, BOOT_SECONDS)).toEndWith(` ${piece}`);
  }
});

test("systemd-boot passes the options unchanged to the kernel", async () => {
  // Linux panics when it has to pass more than 32 words to init. A word with a dot in its name is for a module.
  const first = WORDS.filter((word) => /^[^\w]0\*$/.test(word)).slice(0, 24);
  const module = `module.x=${CHARS.filter((char) => isAccepted(`x${char}`)).join("")}`;
  const words = [...first, module].join(" ");
  const options = `${GUEST_OPTIONS} ${KNOWN} ${words}`;
  const tar = guestMembers({ version: "1", files: { "etc/kernel/cmdline": options } });
  await writeImage(folder.in("layout"), { tag: "1", layers: [{ tar }] });
  const disk = makeDisk({
    path: folder.in("systemd-boot.img"),
    loader: "systemd-boot",
    slotBytes: 64 * MiB,
    serial: 0,
  });
  await installFirst(disk, { source: `oci-layout:${folder.in("layout")}:1` });
  await using machine = startMachine({ disks: [disk.path], firmware: "efi", memoryMib: 1024 });
  await machine.expectLine(/^E2E: ready/, BOOT_SECONDS);
  await machine.type("cat /proc/cmdline\n");
  expect(await machine.expectLine(/tandem\.slot=a .*quiet/, BOOT_SECONDS)).toEndWith(` ${options}`);
});
