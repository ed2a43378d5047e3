/** The file system of a directory is what the kernel shows of the directory. Needs root. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, link, lutimes, mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { ALONE } from "../peers/alone.ts";
import { command } from "../peers/command.ts";
import { complaints } from "../peers/ext4-tools.ts";
import { loopMount } from "../peers/loop-mount.ts";
import { TANDEM } from "../peers/tandem.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { linesOfFolder, LOST_AND_FOUND } from "../peers/tree-lines.ts";
import { xattrsOf } from "../peers/xattrs.ts";

let folder: TemporaryFolder;
let root: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  root = folder.in("root");
  await makeRoot();
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

/** user::rw-, user:1000:r--, group::r--, mask::r--, other::r--, as setxattr(2) takes it. */
const ACL =
  "0x0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000400ffffffff";
const CAPABILITY = "0x0100000200200000000000000000000000000000";

/** More than 31 and 32 bits hold, and one block of data. */
const SPARSE = "/etc/sparse";
const SPARSE_BYTES = 5_000_000_000;

/** All kinds of files but sockets, with all that a file can have. */
async function makeRoot(): Promise<void> {
  const at = (name: string): string => join(root, name);
  await mkdir(at("usr/bin"), { recursive: true });
  await mkdir(at("etc/sub"), { recursive: true });
  await writeFile(at("usr/bin/tool"), "a tool ".repeat(300_000));
  await command("chown", "1234:4294967294", at("usr/bin/tool"));
  await chmod(at("usr/bin/tool"), 0o4711);
  await link(at("usr/bin/tool"), at("etc/hard"));
  await symlink("../../../etc/shadow", at("etc/link"));
  await symlink("x".repeat(200), at("etc/long link"));
  await command("mknod", at("etc/null"), "c", "1", "3");
  await command("mknod", at("etc/disk"), "b", "259", "70000");
  await command("mkfifo", at("etc/fifo"));
  await writeFile(Buffer.concat([Buffer.from(`${root}/etc/`), Buffer.from([0xff, 0xfe])]), "bytes");
  await writeFile(at("etc/.wh.odd"), "no marker");
  await writeFile(at(SPARSE), "begin");
  await truncate(at(SPARSE), SPARSE_BYTES);
  await writeFile(at("etc/empty"), "");
  await command("setfattr", "-n", "system.posix_acl_access", "-v", ACL, at("etc/empty"));
  await command("setfattr", "-n", "system.posix_acl_default", "-v", ACL, at("etc/sub"));
  await command("setfattr", "-n", "security.capability", "-v", CAPABILITY, at("usr/bin/tool"));
  await command("setfattr", "-n", "user.large", "-v", "v".repeat(1500), at("etc/sub"));
  await command("setfattr", "-h", "-n", "trusted.link", "-v", "link", at("etc/link"));
  await command("setfattr", "-n", "trusted.top", "-v", "top", root);
  await lutimes(at("etc/link"), 1, 981_173_106.789);
}

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function tandem(args: readonly string[], as: readonly string[] = []): Promise<Ended> {
  const child = Bun.spawn([...as, ...TANDEM, ...args], {
    env: ALONE,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, stdout, stderr };
}

test("the kernel shows the same of the file system and of the directory", async () => {
  const image = folder.in("whole.img");
  const { status, stderr } = await tandem(["write", `dir:${root}`, image, "--size", "64MiB"]);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect(await complaints(image)).toEqual([]);
  await using mount = await loopMount(image);
  expect(linesOfFolder(mount.path, [LOST_AND_FOUND, SPARSE])).toEqual(
    linesOfFolder(root, [SPARSE]),
  );
  expect(xattrsOf(Buffer.from(mount.path))).toEqual(xattrsOf(Buffer.from(root)));
  const sparse = join(mount.path, SPARSE);
  expect(await command("stat", "-c", "%s %b %B", sparse)).toBe(`${SPARSE_BYTES} 8 512\n`);
  expect(await Bun.file(sparse).slice(0, 8).text()).toBe("begin\0\0\0");
});

/** Mounts file systems below the root, and listens on a socket there. */
async function mounted(): Promise<AsyncDisposable> {
  for (const name of ["proc", "data"]) await mkdir(join(root, name));
  await writeFile(join(root, "etc/hosts"), "of the image");
  await writeFile(folder.in("hosts"), "of the host");
  await command("mount", "-t", "proc", "proc", join(root, "proc"));
  await command("mount", "-t", "tmpfs", "-o", "mode=1777", "none", join(root, "data"));
  await command("mount", "--bind", folder.in("hosts"), join(root, "etc/hosts"));
  await writeFile(join(root, "data/hidden"), "x");
  const server: Server = createServer();
  await new Promise<void>((listens) => server.listen(join(root, "etc/socket"), listens));
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      await command("umount", join(root, "proc"), join(root, "data"), join(root, "etc/hosts"));
      for (const name of ["proc", "data", "etc/hosts", "etc/socket"])
        await rm(join(root, name), { recursive: true, force: true });
    },
  };
}

test("of what is mounted below only the mount point stays, and sockets are left out", async () => {
  await using _ = await mounted();
  const image = folder.in("mounted.img");
  const args = ["write", `dir:${root}`, image, "--size", "64MiB", "--exclude", "/usr"];
  const { status, stderr } = await tandem(args);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect(stderr).toContain('left out what is mounted on "data", "etc/hosts", "proc", continuing');
  expect(stderr).toContain('left out the socket "etc/socket", continuing');
  expect(await complaints(image)).toEqual([]);
  await using mount = await loopMount(image);
  const list = await command("find", mount.path, "-mindepth", "1", "-printf", "%P %y %s %m\n");
  const lines = list
    .split("\n")
    .filter((line) => /^(?:proc|data|usr|etc\/(?:hosts|socket))/.test(line));
  expect(lines.toSorted()).toEqual(["data d 4096 1777", "etc/hosts f 0 644", "proc d 4096 555"]);
});

test("an ordinary user copies what it may read; any other file is named, and no target is made", async () => {
  await using other = await temporaryFolder();
  await chmod(other.path, 0o777);
  await mkdir(other.in("root"));
  await writeFile(other.in("root/secret"), "x", { mode: 0o600 });
  const as = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const args = ["write", `dir:${other.in("root")}`, other.in("x.img"), "--size", "8MiB"];
  const { status, stderr } = await tandem(args, as);
  expect({ status, stderr }).toMatchObject({ status: 3 });
  expect(stderr).toContain(`Cannot read "secret" of dir:${other.in("root")}: EACCES`);
  expect(await Bun.file(other.in("x.img")).exists()).toBe(false);
  await chmod(other.in("root/secret"), 0o644);
  expect(await tandem(args, as)).toMatchObject({ status: 0 });
  expect(await complaints(other.in("x.img"))).toEqual([]);
});
