/** What the README tells to do under "Put it somewhere", done. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { makeDisk } from "../../scripts/disk.ts";
import { installFirst } from "../../scripts/disk/first-system.ts";
import { MiB } from "../../src/lib/units.ts";
import { systemMembers, TANDEM } from "../binary/appliance.ts";
import { command } from "../peers/command.ts";
import { writeImage } from "../peers/image.ts";
import { skopeoCopy } from "../peers/skopeo.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { machineWords, makeBareInitramfs, resultsOf } from "./bare-machine.ts";
import { run } from "./probe.ts";

setDefaultTimeout(600_000);

const ROOT = join(import.meta.dir, "../..");
const README = await Bun.file(join(ROOT, "README.md")).text();
const KERNEL = join(ROOT, "dist/kernel/boot");

/** The first block after "**NAME**" in the section. */
function snippet(name: string): string {
  const section = README.slice(README.indexOf("## Put it somewhere"));
  const text = section.slice(section.indexOf(`**${name}**`));
  const body = /```\w+\n(?<body>.*?)```/s.exec(text)?.groups?.["body"];
  if (body === undefined) throw new Error(`Cannot find ${name} in the README`);
  return body;
}

/** Writes a hook for the binary that was built, executable. */
function writeHook(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text.replace("/usr/bin/tandem", TANDEM));
  chmodSync(path, 0o755);
}

/** A shell script as root of its own user namespace, with "$0" the folder; both tools want to be root. */
function asRoot(script: string, folder: string): Promise<string> {
  const shell = `PATH="$PATH:/usr/sbin:/sbin"; cd "$0"; ${script}`;
  return command("unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", shell, folder);
}

async function expectSame(path: string): Promise<void> {
  await command("cmp", path, TANDEM);
  expect(run([path, "--version"])).toEqual(run([TANDEM, "--version"]));
}

test("the hook for initramfs-tools puts it into /bin", async () => {
  await using folder = await temporaryFolder();
  cpSync("/etc/initramfs-tools", folder.in("conf"), { recursive: true });
  writeHook(folder.in("conf/hooks/tandem"), snippet("initramfs-tools"));
  const [version = ""] = readdirSync(KERNEL).flatMap((name) => name.split("vmlinuz-").slice(1));
  // Gzip is what unpacks everywhere, and no modules are wanted here.
  writeFileSync(folder.in("conf/conf.d/test"), "MODULES=list\nCOMPRESS=gzip\nCOMPRESSLEVEL=1\n");
  const make = `mount --bind "${KERNEL}" /boot; mkinitramfs -d "$0/conf" -o "$0/image" ${version}`;
  await asRoot(`${make}; unmkinitramfs image tree`, folder.path);
  await expectSame(folder.in("tree/bin/tandem"));
});

test("the module for dracut puts it where it was, and stripping leaves it whole", async () => {
  await using folder = await temporaryFolder();
  cpSync("/usr/lib/dracut", folder.in("dracut"), { recursive: true });
  writeHook(folder.in("dracut/modules.d/50tandem/module-setup.sh"), snippet("dracut"));
  const options = "--quiet --no-compress --strip --no-kernel --no-hostonly --modules tandem";
  const make = `dracutbasedir="$0/dracut" dracut ${options} --tmpdir "$0" --kver none "$0/image"`;
  await asRoot(`${make}; mkdir tree; cd tree; cpio --quiet -id < ../image`, folder.path);
  await expectSame(folder.in(`tree${TANDEM}`));
});

test("the hook for mkinitcpio is a shell script that calls what mkinitcpio offers", async () => {
  await using folder = await temporaryFolder();
  const hook = folder.in("tandem");
  writeFileSync(hook, snippet("mkinitcpio"));
  await command("bash", "-n", hook);
  const script = 'add_file() { echo "add_file $*"; }; . "$0"; build';
  expect(await command("bash", "-ec", script, hook)).toBe(
    "add_file /usr/bin/tandem /usr/bin/tandem 755\n",
  );
});

test("an archive behind an initramfs brings it into a machine that boots", async () => {
  await using folder = await temporaryFolder();
  const version = "/bin/tandem --version";
  const bare = await makeBareInitramfs(folder, { files: {}, commands: [version] });
  symlinkSync(join(ROOT, "dist"), folder.in("dist"));
  symlinkSync(bare, folder.in("initramfs.img"));
  await command("sh", "-ec", `cd "$0"; ${snippet("cpio")}`, folder.path);
  const initramfs = folder.in("with-tandem.img");
  const console = await command(...machineWords(folder, { initramfs, disks: [] }));
  const { stdout } = run([TANDEM, "--version"]);
  expect(resultsOf(console).get(version)?.slice(0, 2)).toEqual([stdout.trim(), "status: 0"]);
});

test("a stick with it and an image repairs the disk of a machine", async () => {
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
