/**
 * An upgrade from the privileged pod that an operator starts: its root is the new system, the machine lies at /host.
 * The machine runs from an image on a disk of Kairos in a loop device. Needs root.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { link, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { MiB } from "../../src/lib/units.ts";
import { TANDEM } from "../binary/appliance.ts";
import { initrdOf, kernelOf } from "../fakes/boot-files.ts";
import { directory, IDENTITY } from "../fakes/ext4-image.ts";
import { fakeImage } from "../fakes/image.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { until } from "../fakes/until.ts";
import { command, commandBytes } from "../peers/command.ts";
import { complaints, writeExt4 } from "../peers/ext4-tools.ts";
import { kairosMachine, type KairosMachine } from "../peers/kairos-machine.ts";
import { loopMount } from "../peers/loop-mount.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";

/** $1: the image of the pod, $2: an empty folder, $3: the machine, $4: tandem. Then the words for tandem. */
const POD = `
mount -t tmpfs none "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" none "$2/root"
cd "$2/root"
mkdir dev host proc run sys
mount -t tmpfs none host
mkdir -p host/etc/kairos host/oem host/proc/1 host/run/initramfs/cos-state
touch host/etc/kairos/.nousers
cp "$3/mountinfo" host/proc/1/mountinfo
mount --bind "$3/cos-state" host/run/initramfs/cos-state
mount --bind "$3/oem" host/oem
mount --rbind /proc proc
mount --bind "$3/cmdline" proc/cmdline
mount --rbind /dev dev
mount --rbind /sys sys
mount --rbind host/run run
touch etc/hosts usr/bin/tandem
mount --bind "$3/cmdline" etc/hosts
mount --bind "$4" usr/bin/tandem
shift 4
exec chroot . /usr/bin/tandem "$@"`;
const UPGRADE = ["kairos-agent", "upgrade", "--source", "dir:/", "--exclude-path", "/etc/hosts"];

let image: TemporaryFolder;
beforeAll(async () => {
  image = await temporaryFolder();
  const files = {
    "boot/vmlinuz-6": kernelOf("new"),
    "boot/initrd-6": initrdOf("new"),
    "etc/cos/bootargs.cfg": "set kernelcmd=x\n",
    "etc/kairos-release": 'KAIROS_VERSION="v0.2.0"\n',
    "usr/bin/ping": "a program",
    // Enough to be at work for a while.
    "usr/large": Buffer.alloc(150 * MiB, "large"),
  };
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(image.in(name)), { recursive: true });
    await writeFile(image.in(name), content);
  }
  await symlink("/boot/vmlinuz-6", image.in("boot/vmlinuz"));
  await symlink("initrd-6", image.in("boot/initrd"));
  await command("setcap", "cap_net_raw+ep", image.in("usr/bin/ping"));
  await link(image.in("usr/bin/ping"), image.in("usr/bin/ping4"));
});
afterAll(async () => {
  await image[Symbol.asyncDispose]();
});

const LABELS = { active: "COS_ACTIVE", passive: "COS_PASSIVE", recovery: "COS_SYSTEM" } as const;

async function machine(): Promise<KairosMachine> {
  await using folder = await temporaryFolder();
  const system = (name: keyof typeof LABELS, uuid: string): string => {
    const identity = { ...IDENTITY, label: LABELS[name], uuid };
    const format = { sizeBytes: 4 * MiB, checksums: "descriptors", identity } as const;
    writeExt4(folder.in(name), format, (ext4) => directory({ name: ext4.file(name) }));
    return folder.in(name);
  };
  const box = await kairosMachine(
    {
      active: system("active", "00000000-0000-4000-8000-000000000001"),
      passive: system("passive", "00000000-0000-4000-8000-000000000002"),
      recovery: system("recovery", "00000000-0000-4000-8000-000000000003"),
      grubenv: {},
      stateBytes: 600 * MiB,
    },
    { from: "active" },
  );
  const cmdline = "root=LABEL=COS_ACTIVE cos-img/filename=/cOS/active.img\n";
  writeFileSync(box.folder.in("cmdline"), cmdline);
  const mounts = box.system.files.readText("/proc/self/mountinfo") ?? "";
  writeFileSync(box.folder.in("mountinfo"), mounts.split("\n").slice(-2).join("\n"));
  return box;
}

interface Pod {
  readonly words: readonly string[];
  /** The folder with the image of the pod. */
  readonly of: string;
}

/** Starts tandem in a new pod. The process is tandem itself. */
function startPod({ folder }: KairosMachine, { words, of }: Pod) {
  const pod = folder.in(`pod-${readdirSync(folder.path).length}`);
  mkdirSync(pod);
  const enter = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", POD, "sh"];
  return Bun.spawn([...enter, of, pod, folder.path, TANDEM, ...words], {
    env: { PATH: process.env["PATH"] ?? "", KUBERNETES_SERVICE_HOST: "10.0.0.1" },
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function runPod(
  box: KairosMachine,
  pod: Pod,
): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
  const child = startPod(box, pod);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, stdout, stderr };
}

const imagesOf = ({ mount }: KairosMachine): string[] => readdirSync(`${mount}/cOS`).toSorted();

async function expectUpgraded(box: KairosMachine): Promise<void> {
  expect(imagesOf(box)).toEqual(["active.img", "passive.img"]);
  const active = `${box.mount}/cOS/active.img`;
  expect(await complaints(active)).toEqual([]);
  await using mount = await loopMount(active);
  expect(await Bun.file(`${mount.path}/etc/kairos-release`).text()).toContain("v0.2.0");
  expect(await command("getcap", `${mount.path}/usr/bin/ping4`)).toContain("cap_net_raw=ep");
  expect(await command("stat", "-c", "%h", `${mount.path}/usr/bin/ping`)).toBe("2\n");
  expect(existsSync(`${mount.path}/host`)).toBe(false);
  expect(existsSync(`${mount.path}/etc/hosts`)).toBe(false);
  for (const name of ["proc", "dev", "sys", "run", "oem", "usr/local"])
    expect({ name, holds: readdirSync(`${mount.path}/${name}`) }).toEqual({ name, holds: [] });
  await using passive = await loopMount(`${box.mount}/cOS/passive.img`);
  expect(await Bun.file(`${passive.path}/name`).text()).toBe("active");
  const list = await command("grub-editenv", box.folder.in("oem/grubenv"), "list");
  expect(list).toContain("next_entry=cos");
}

test("the root of a pod becomes the active system of the machine, and COS_STATE is read-only again", async () => {
  await using box = await machine();
  const { status, stdout, stderr } = await runPod(box, { words: UPGRADE, of: image.path });
  expect({ status, stdout, stderr }).toMatchObject({ status: 0 });
  expect(stdout).toContain("Upgrade completed");
  await expectUpgraded(box);
  const options = await command("findmnt", "-n", "-o", "FS-OPTIONS", box.mount);
  expect(options).toStartWith("ro");
  // The runtime makes mount points in each pod anew: that is no other image.
  const again = await runPod(box, { words: UPGRADE, of: image.path });
  expect(again).toMatchObject({ status: 0 });
  expect(again.stdout).toContain("Nothing to do");
});

test("a pod with tandem alone fetches the new system, and a second time there is nothing to do", async () => {
  await using bare = await temporaryFolder();
  for (const name of ["usr/bin", "etc"]) await mkdir(bare.in(name), { recursive: true });
  await using box = await machine();
  await using registry = new FakeRegistry();
  const layer = await commandBytes("tar", "--create", `--directory=${image.path}`, ".");
  registry.putImage(fakeImage({ layers: [layer] }), "0.2.0");
  const source = `oci:${registry.host}/ns/app:0.2.0`;
  const pod = { words: ["kairos-agent", "upgrade", "--source", source], of: bare.path };
  const first = await runPod(box, pod);
  expect(first).toMatchObject({ status: 0 });
  expect(first.stdout).toContain("Upgrade completed");
  expect(imagesOf(box)).toEqual(["active.img", "passive.img"]);
  const written = statSync(`${box.mount}/cOS/active.img`);
  const second = await runPod(box, pod);
  expect(second).toMatchObject({ status: 0 });
  expect(second.stdout).toContain("Nothing to do");
  expect(statSync(`${box.mount}/cOS/active.img`)).toMatchObject({
    ino: written.ino,
    mtimeMs: written.mtimeMs,
  });
  expect(await complaints(`${box.mount}/cOS/active.img`)).toEqual([]);
});

test("while a pod is at work another is refused; when it is killed, the next one starts again", async () => {
  await using box = await machine();
  const first = startPod(box, { words: UPGRADE, of: image.path });
  await until(() => existsSync(`${box.mount}/cOS/transition.img`));
  first.kill("SIGSTOP");
  const second = await runPod(box, { words: UPGRADE, of: image.path });
  expect(second.status).toBe(1);
  expect(second.stdout).toContain("another run is at work on it");
  first.kill("SIGKILL");
  await first.exited;
  expect(imagesOf(box)).toEqual(["active.img", "passive.img", "transition.img"]);
  const third = await runPod(box, { words: UPGRADE, of: image.path });
  expect(third).toMatchObject({ status: 0 });
  await expectUpgraded(box);
});
