/** The root of a container as a source, as an upgrade in a Kubernetes pod has it: capabilities, links, mounts. Needs root. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { link, mkdir, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KAIROS_DIRECTORIES, KAIROS_SKIP } from "../../src/boot/image/kairos-image.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import { openSource } from "../../src/source/source.ts";
import { linuxFiles } from "../../src/system/files.ts";
import { createBlockFile } from "../../src/system/linux-block-file.ts";
import { contentOf } from "../../src/write/content.ts";
import { imageFileBytes, imageFit } from "../../src/write/image-size.ts";
import { writeImage } from "../../src/write/write-image.ts";
import { command } from "../peers/command.ts";
import { complaints } from "../peers/ext4-tools.ts";
import { loopMount } from "../peers/loop-mount.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";

interface PodRoot extends AsyncDisposable {
  readonly path: string;
}

/** An image in the lower layer of an overlay, as a container runtime shows it to a pod with /host mounted. */
async function podRoot(folder: TemporaryFolder): Promise<PodRoot> {
  // The folder itself may lie on an overlay, which is no upper layer of another.
  await command("mount", "-t", "tmpfs", "none", folder.path);
  const lower = (name: string): string => join(folder.in("lower"), name);
  for (const name of [
    "lower/usr/bin",
    "lower/etc",
    "lower/mnt",
    "lower/opt",
    "upper",
    "work",
    "root",
    "machine",
  ])
    await mkdir(folder.in(name), { recursive: true });
  await writeFile(lower("usr/bin/ping"), "a program", { mode: 0o755 });
  await command("setcap", "cap_net_raw+ep", lower("usr/bin/ping"));
  await link(lower("usr/bin/ping"), lower("opt/ping"));
  await command("setfattr", "-n", "user.note", "-v", "kept", lower("opt"));
  await symlink("/run", lower("var-run"));
  await writeFile(lower("etc/kept"), "of the image");
  await utimes(lower("etc/kept"), 1000, 1000);
  await writeFile(lower("etc/gone"), "of the image");
  await writeFile(lower("mnt/hidden"), "x");
  await writeFile(folder.in("machine/disk"), "of the machine");
  await writeFile(folder.in("hosts"), "of the pod");
  await utimes(lower("usr"), 2000, 2000);
  const path = folder.in("root");
  const layers = ["lowerdir=lower", "upperdir=upper", "workdir=work"].map((option) =>
    option.replace("=", `=${folder.path}/`),
  );
  await command("mount", "-t", "overlay", "-o", layers.join(","), "none", path);
  await command("rm", join(path, "etc/gone"));
  for (const name of ["proc", "dev", "host", "run", "data", "tmp"]) await mkdir(join(path, name));
  for (const name of ["etc/hosts", "etc/hostname", "etc/resolv.conf", "tmp/scratch"])
    await writeFile(join(path, name), "");
  await command("mount", "-t", "proc", "proc", join(path, "proc"));
  for (const name of ["dev", "run", "data"])
    await command("mount", "-t", "tmpfs", "none", join(path, name));
  await command("mount", "--bind", folder.in("machine"), join(path, "host"));
  for (const name of ["etc/hosts", "etc/hostname", "etc/resolv.conf"])
    await command("mount", "--bind", folder.in("hosts"), join(path, name));
  await writeFile(join(path, "data/hidden"), "of a volume");
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await command("umount", "--recursive", path);
      await command("umount", folder.path);
    },
  };
}

test("an upgrade from the root of a pod keeps the image and nothing of pod and machine", async () => {
  await using folder = await temporaryFolder();
  await using other = await temporaryFolder();
  await using pod = await podRoot(folder);
  const source = await openSource(`dir:${pod.path}`, {
    architecture: "amd64",
    insecureRegistries: [],
    environment: {},
    userId: 0,
    files: linuxFiles,
    log() {},
    exclude: ["/etc/hosts", "/etc/hostname"],
    skip: KAIROS_SKIP,
  });
  const warnings: string[] = [];
  const talk = { ...SILENT, warn: (text: string) => void warnings.push(text) };
  const signal = new AbortController().signal;
  const content = await contentOf(source, { talk, signal });
  expect(warnings).toEqual([
    `dir:${pod.path}: left out what is mounted on "data", "etc/resolv.conf", continuing`,
  ]);
  const path = other.in("transition.img");
  const room = { where: path, freeBytes: 1000 * MiB, minimumBytes: 0 };
  const block = createBlockFile(path, imageFileBytes(content, room));
  await writeImage({
    content,
    target: { block, path, offsetBytes: 0 },
    identity: { uuid: "01234567-89ab-cdef-0123-456789abcdef", label: "x", timeSeconds: 9 },
    checksums: "descriptors",
    directories: KAIROS_DIRECTORIES,
    fit: imageFit({ likelyBytes: 0 }, 0),
    jobs: 1,
    cores: 1,
    talk,
    signal,
    withoutHoles: () => new Set(),
    inspect() {},
  });
  block.close();
  expect(await complaints(path)).toEqual([]);
  await using mount = await loopMount(path);
  const at = (name: string): string => join(mount.path, name);
  expect(await command("getcap", at("opt/ping"))).toContain("cap_net_raw=ep");
  const [one, two] = await Promise.all([stat(at("usr/bin/ping")), stat(at("opt/ping"))]);
  expect([one.ino, one.nlink]).toEqual([two.ino, 2]);
  expect(await command("getfattr", "--only-values", "-n", "user.note", at("opt"))).toBe("kept");
  expect(readdirSync(at("etc")).toSorted()).toEqual(["kept", "resolv.conf"]);
  expect(await Bun.file(at("etc/resolv.conf")).text()).toBe("");
  // The container runtime has changed the time of /etc, but not that of /usr.
  expect((await stat(at("etc"))).mtimeMs).toBe(1_000_000);
  expect((await stat(at("usr"))).mtimeMs).toBe(2_000_000);
  for (const name of ["proc", "dev", "run", "data", "tmp", "sys", "oem"])
    expect({ name, holds: readdirSync(at(name)) }).toEqual({ name, holds: [] });
  expect(existsSync(at("host"))).toBe(false);
  expect(existsSync(at("mnt"))).toBe(false);
});
