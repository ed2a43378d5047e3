import { readFileSync } from "node:fs";
import { command } from "./command.ts";
import { decodeLog, type Logged } from "./disk-log.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A file system that the kernel has mounted read-write, and all that it writes to its disk. Needs root. */
export interface RecordedMount extends AsyncDisposable {
  readonly path: string;
  /** What the kernel has written since it was mounted. */
  readonly written: () => readonly Logged[];
}

export async function recordedMount(image: string): Promise<RecordedMount> {
  const folder = await temporaryFolder("/dev/shm");
  const [disk, path, log] = [folder.in("disk"), folder.in("mount"), folder.in("log")];
  await command("mkdir", disk, path);
  const server = Bun.spawn(
    [process.execPath, `${import.meta.dir}/fuse-disk.ts`, image, disk, log],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit", env: process.env },
  );
  await server.stdout.getReader().read();
  const undo: (() => PromiseLike<unknown>)[] = [() => folder[Symbol.asyncDispose]()];
  const unmount = async (): Promise<void> => {
    for (const step of undo.toReversed()) await step();
  };
  try {
    undo.push(async () => {
      await command("umount", disk);
      await server.exited;
    });
    const loop = (await command("losetup", "--find", "--show", `${disk}/disk`)).trim();
    undo.push(() => command("losetup", "--detach", loop));
    await command("mount", "-t", "ext4", loop, path);
    undo.push(() => command("umount", path));
  } catch (error) {
    await unmount();
    throw error;
  }
  return {
    path,
    written: () => decodeLog(readFileSync(log)),
    [Symbol.asyncDispose]: unmount,
  };
}
