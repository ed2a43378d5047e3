import { command } from "./command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A file system in a file that the kernel has mounted read-only at `path`. Needs root. */
export interface LoopMount extends AsyncDisposable {
  readonly path: string;
}

export async function loopMount(file: string): Promise<LoopMount> {
  const folder = await temporaryFolder();
  await command("mount", "-o", "ro,loop", file, folder.path).catch(async (error: unknown) => {
    await folder[Symbol.asyncDispose]();
    throw error;
  });
  return {
    path: folder.path,
    async [Symbol.asyncDispose]() {
      await command("umount", folder.path);
      await folder[Symbol.asyncDispose]();
    },
  };
}
