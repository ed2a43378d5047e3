/** Tests hold() with the kernel. Needs root for loop devices, mounts and device nodes. */
import { expect, test } from "bun:test";
import { chmodSync, statSync } from "node:fs";
import { openBlockFile } from "../../src/system/linux-block-file.ts";
import { command } from "../peers/command.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

interface LoopDevice extends AsyncDisposable {
  readonly device: string;
  readonly image: string;
}

/** A loop device with an ext4 on it. */
async function loopDevice(): Promise<LoopDevice> {
  const folder = await temporaryFolder();
  const image = folder.in("image");
  await command("mke2fs", "-q", "-t", "ext4", image, "8M");
  const device = (await command("losetup", "--find", "--show", image)).trim();
  return {
    device,
    image,
    async [Symbol.asyncDispose]() {
      await command("losetup", "--detach", device);
      await folder[Symbol.asyncDispose]();
    },
  };
}

const hold = (path: string): Disposable => {
  const file = openBlockFile(path, { write: true, hold: true });
  return { [Symbol.dispose]: () => file.close() };
};
const holdAndClose = (path: string): void => hold(path)[Symbol.dispose]();

/** Starts a shell and waits for its first line. The returned function ends the shell. */
async function during(...argv: readonly string[]): Promise<() => Promise<void>> {
  const child = Bun.spawn([...argv], { stdin: "pipe", stdout: "pipe" });
  await child.stdout.getReader().read();
  return async () => {
    child.kill();
    await child.exited;
  };
}

test("hold() refuses a device that is mounted in another mount namespace", async () => {
  await using loop = await loopDevice();
  const { device } = loop;
  holdAndClose(device);
  // The mount ends with the namespace, and the namespace with its last process.
  const script = `mount ${device} /mnt && echo mounted && read -r end`;
  const unmount = await during("unshare", "--mount", "sh", "-c", script);
  expect(() => holdAndClose(device)).toThrow(`Cannot open ${device}: it is in use`);
  openBlockFile(device, { write: false }).close();
  await unmount();
  expect(() => holdAndClose(device)).not.toThrow();
});

test("no program can mount a held device, until the last holder releases it", async () => {
  await using loop = await loopDevice();
  const { device } = loop;
  const mount = (): number =>
    Bun.spawnSync(["unshare", "--mount", "mount", device, "/mnt"], { stderr: "ignore" }).exitCode;
  const first = hold(device);
  const second = hold(device);
  openBlockFile(device, { write: true }).close();
  first[Symbol.dispose]();
  expect(mount()).not.toBe(0);
  second[Symbol.dispose]();
  expect(mount()).toBe(0);
});

test("hold() recognizes two device nodes of one device", async () => {
  await using loop = await loopDevice();
  await using folder = await temporaryFolder();
  const { rdev } = statSync(loop.device);
  const other = folder.in("node");
  await command("mknod", other, "b", `${Math.floor(rdev / 256)}`, `${rdev % 256}`);
  using held = hold(loop.device);
  expect(held).toBeDefined();
  holdAndClose(other);
  const script = `import { openBlockFile } from "${import.meta.dir}/../../src/system/linux-block-file.ts"; openBlockFile("${other}", { write: true, hold: true });`;
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, "-e", script], {
    stdin: "ignore",
    stderr: "pipe",
  });
  expect([exitCode, stderr.toString().includes("it is in use")]).toEqual([1, true]);
});

test("hold() refuses a device below a loop device, and an image whose loop device is mounted", async () => {
  await using loop = await loopDevice();
  const { device, image } = loop;
  const upper = (await command("losetup", "--find", "--show", device)).trim();
  try {
    expect(() => holdAndClose(device)).toThrow(`Cannot open ${device}: ${upper} lies on it`);
  } finally {
    await command("losetup", "--detach", upper);
  }
  // An unused loop device does no harm to the image.
  holdAndClose(image);
  const script = `mount ${device} /mnt && echo mounted && read -r end`;
  const unmount = await during("unshare", "--mount", "sh", "-c", script);
  expect(() => holdAndClose(image)).toThrow(
    `Cannot open ${image}: ${device} shows it, and is mounted or held`,
  );
  await unmount();
  holdAndClose(image);
});

test("hold() of an ordinary user ignores a loop device whose backing file it cannot reach", async () => {
  await using folder = await temporaryFolder();
  const image = folder.in("image");
  await Bun.write(image, "x");
  chmodSync(folder.path, 0o755);
  chmodSync(image, 0o666);
  await using other = await loopDevice();
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const source = new URL("../../src/system/hold.ts", import.meta.url).pathname;
  const program = `import { hold } from "${source}"; hold("${image}")(); console.log("held");`;
  expect(other.device).toStartWith("/dev/loop");
  expect(await command(...nobody, process.execPath, "-e", program)).toBe("held\n");
});
