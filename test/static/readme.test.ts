/** Executes the instructions of README's section "Put it somewhere". */
import { expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

import { makeDisk } from "../../scripts/disk.ts";
import { installFirst } from "../../scripts/disk/first-system.ts";
import { MiB } from "../../src/lib/units.ts";
import { systemMembers, TANDEM } from "../binary/appliance.ts";
import { command } from "../peers/command.ts";
import { writeImage } from "../peers/image.ts";
import { skopeoCopy } from "../peers/skopeo.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { startMachine, UNDER_LOAD } from "../e2e/machine.ts";
import { inDebianRoot, KERNEL_FILE, VERSION } from "./debian-root.ts";
import { run } from "./probe.ts";

setDefaultTimeout(600_000);

const ROOT = join(import.meta.dir, "../..");
const README = await Bun.file(join(ROOT, "README.md")).text();
const BOOT_SECONDS = 300;

/** Returns the first code block after "**NAME**" in the section. */
function snippet(name: string): string {
  const section = README.slice(README.indexOf("## Put it somewhere"));
  const text = section.slice(section.indexOf(`**${name}**`));
  const body = /```\w+\n(?<body>.*?)```/s.exec(text)?.groups?.["body"];
  if (body === undefined) throw new Error(`Cannot find ${name} in the README`);
  return body;
}

/** Returns the path of the file for the block after "**NAME**". */
function placeOf(name: string): string {
  return matched(name, /^[^\n]*?\bas `(?<found>\/[^`]+)`/);
}

/** Returns the command that follows. */
function commandOf(name: string): string {
  return matched(name, /^[^\n]*?\bthen `(?<found>[^`]+)`/);
}

function matched(name: string, pattern: RegExp): string {
  const text = README.slice(README.indexOf(`**${name}**`, README.indexOf("## Put it somewhere")));
  const found = pattern.exec(text)?.groups?.["found"];
  if (found === undefined)
    throw new Error(`Cannot find ${pattern.source} for ${name} in the README`);
  return found;
}

/** Returns a shell script that writes the block after "**NAME**" to its file and makes the file executable. */
function placing(name: string): string {
  const place = placeOf(name);
  return `mkdir -p ${dirname(place)}; cat > ${place} <<'END'\n${snippet(name)}END\nchmod 755 ${place}\n`;
}

const IMAGE = `/boot/initrd.img-${VERSION}`;
const SAID_VERSION = run([TANDEM, "--version"]).stdout.trim();

/** Boots a kernel with this initramfs, whose shell runs tandem from its PATH. */
async function expectThere(initrd: string): Promise<void> {
  const script = "mkdir -p /proc; mount -t proc proc /proc; tandem --version; echo status: $?";
  const options = `console=ttyS0 quiet panic=-1 ${UNDER_LOAD} rdinit=/bin/sh -- -c "${script}"`;
  await using machine = startMachine({
    disks: [],
    memoryMib: 1024,
    once: true,
    direct: { kernel: KERNEL_FILE, initrd, options },
  });
  expect(await machine.expectLine(/^tandem|not found|panic/, BOOT_SECONDS)).toBe(SAID_VERSION);
  expect(await machine.expectLine(/^status: /, BOOT_SECONDS)).toBe("status: 0");
}

test.each(["initramfs-tools", "dracut"])(
  "the hook for %s brings it into a machine",
  async (name) => {
    await using folder = await temporaryFolder();
    const before = name === "dracut" ? "" : "update-initramfs -c -k all;";
    const script = `${before} ${placing(name)} ${commandOf(name)}; cp ${IMAGE} /shared/initrd`;
    await inDebianRoot(folder, script);
    await expectThere(folder.in("shared/initrd"));
  },
);

/** A replacement for mkinitcpio, which Debian does not package: its layout, and the function that the hook calls. */
const MKINITCPIO = `
mkdir -p tree/usr/bin tree/proc
for name in bin sbin; do ln -s usr/bin "tree/$name"; done
install -m 755 /bin/busybox tree/usr/bin/busybox
for name in sh mount echo; do ln -s busybox "tree/usr/bin/$name"; done
# mkinitcpio(8): add_file FILE [TARGET [MODE]]
add_file() { install -D -m "$3" "$1" "tree$2"; }
`;

test("the hook for mkinitcpio puts tandem into an initramfs", async () => {
  await using folder = await temporaryFolder();
  expect(placeOf("mkinitcpio")).toBe("/etc/initcpio/install/tandem");
  const pack = "(cd tree && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) > /shared/initrd";
  const script = `cd /tmp; ${placing("mkinitcpio")} cat > run <<'END'\n${MKINITCPIO}END
    bash -ec '. ./run; . ${placeOf("mkinitcpio")}; build'; ${pack}`;
  await inDebianRoot(folder, script);
  await expectThere(folder.in("shared/initrd"));
});

test("an archive appended to an initramfs adds tandem and keeps the initramfs's programs", async () => {
  await using folder = await temporaryFolder();
  await inDebianRoot(folder, `mkinitramfs -o /shared/initramfs.img ${VERSION}`);
  symlinkSync(join(ROOT, "dist"), folder.in("shared/dist"));
  await command("sh", "-ec", `cd "$0"; umask 077; ${snippet("cpio")}`, folder.in("shared"));
  await expectThere(folder.in("shared/with-tandem.img"));
});

/** Executes the lines of a Dockerfile, with the binary as the only file of the context. */
function dockerfile(text: string): string {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, mode, target] = /^COPY --chmod=(\d+) tandem (\S+)$/.exec(line) ?? [];
      const [, words] = /^RUN (.*)$/.exec(line) ?? [];
      if (words === undefined && target === undefined) throw new Error(`Cannot do "${line}"`);
      return words ?? `install -m ${mode} /shared/tandem ${target}`;
    })
    .join("\n");
}

test("the lines for an image put tandem into the image, and its hooks into the initramfs", async () => {
  await using folder = await temporaryFolder();
  const hooks = /### Hooks.*?```dockerfile\n(?<body>.*?)```/s.exec(README)?.groups?.["body"] ?? "";
  expect(hooks).toStartWith(snippet("Image"));
  mkdirSync(folder.in("shared"));
  cpSync(TANDEM, folder.in("shared/tandem"));
  const lines = `rm /usr/bin/tandem\nupdate-initramfs -c -k all\n${dockerfile(hooks)}`;
  await inDebianRoot(folder, `${lines}\ntandem --version\ncp ${IMAGE} /shared/initrd`);
  const options = `console=ttyS0 root=/dev/none tandem.slot=b tandem.gen=4 tandem.left=1 rootdelay=1`;
  await using machine = startMachine({
    disks: [],
    memoryMib: 768,
    once: true,
    direct: { kernel: KERNEL_FILE, initrd: folder.in("shared/initrd"), options },
  });
  const line = await machine.expectLine(
    /^tandem: slot b: the initramfs cannot go on/,
    BOOT_SECONDS,
  );
  expect(line).toMatch(/rebooting in 5 s, boots left: 1$/);
});

test("a USB stick with tandem and an image repairs the disk of a machine", async () => {
  await using folder = await temporaryFolder();
  for (const tag of ["1", "2"])
    await writeImage(folder.in("layout"), { tag, layers: [{ tar: systemMembers(tag) }] });
  const stick = folder.in("stick");
  mkdirSync(stick);
  cpSync(TANDEM, join(stick, "tandem"));
  const layout = `oci:${folder.in("layout")}`;
  await skopeoCopy(`${layout}:2`, `oci-archive:${join(stick, "edge-2.4.tar")}:2`);
  const disk = makeDisk({ path: folder.in("disk"), slotBytes: 16 * MiB });
  await installFirst(disk, { source: `oci-layout:${folder.in("layout")}:1` });
  const script = snippet("Stick")
    .replaceAll("/media/stick", stick)
    .replaceAll("/dev/sda", disk.path);
  const { stdout, status } = run(["sh", "-ec", script]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Slot b holds sha256:\S+ .*is tried at the next boot/);
});
