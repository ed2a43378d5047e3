import type { Content } from "../../fat/data.ts";
import { TandemError } from "../../lib/error.ts";
import type { Mount } from "../../slot/mounts.ts";
import type { EspPlace } from "../../slot/layout.ts";
import type { BlockFile } from "../../system/block-file.ts";
import type { DurableFiles } from "../../system/durable-files.ts";
import { asBoot, type Esp } from "./esp.ts";
import { mountedEsp } from "./mounted-esp.ts";
import { rawEsp } from "./raw-esp.ts";

/** What it takes to reach an EFI system partition. */
export interface EspWay {
  readonly files: DurableFiles;
  readonly diskPath: string;
  readonly esp: EspPlace;
}

/**
 * Opens an EFI system partition of the disk. The caller closes it. Throws `boot`.
 *
 * Others mount, unmount and write it while an upgrade runs for an hour. So each call looks anew at how it is reached: past the kernel
 * where nobody has it mounted, else through the mount. What it goes by is read anew, too, and while it is changed it is held.
 */
export function openEsp(way: EspWay, access: { readonly write: boolean }): Esp {
  // What is in use already is refused before anything is begun.
  const { name } = closed(reach(way, access));
  return {
    name,
    refuseReadOnly: () => see(way, (now) => now.refuseReadOnly()),
    flaw: () => see(way, (now) => now.flaw()),
    list: (path) => see(way, (now) => now.list(path)),
    read: (path) => see(way, (now) => laterContent(way, path, now.read(path))),
    write: (path, content) => change(way, (now) => now.write(path, content)),
    remove: (path) => change(way, (now) => now.remove(path)),
    makeFolder: (path) => change(way, (now) => now.makeFolder(path)),
    makeRoom: () => change(way, (now) => now.makeRoom()),
    close() {},
  };
}

function reach({ files, diskPath, esp }: EspWay, access: { readonly write: boolean }): Esp {
  const mounts = esp.mounts();
  // Mounted where this program does not see it, it would be written behind its back: then it cannot be held.
  if (mounts.length === 0) return rawEsp(openAlone(esp, access));
  return mountedEsp(files, mountIn(mounts, diskPath));
}

function mountIn(mounts: readonly Mount[], diskPath: string): Mount {
  const whole = mounts.filter(({ root }) => root === "/");
  const mount = whole.find(({ isReadOnly }) => !isReadOnly) ?? whole[0];
  if (mount === undefined) throw refused(diskPath, mounts);
  return mount;
}

function see<T>(way: EspWay, look: (now: Esp) => T): T {
  const now = reach(way, { write: false });
  try {
    return look(now);
  } finally {
    now.close();
  }
}

async function change<T>(way: EspWay, action: (now: Esp) => Promise<T>): Promise<T> {
  const now = reach(way, { write: true });
  try {
    return await action(now);
  } finally {
    now.close();
  }
}

/** The bytes are read later, when the file may be another one. */
function laterContent(way: EspWay, path: string, seen: Content | undefined): Content | undefined {
  if (seen === undefined) return undefined;
  const { sizeBytes } = seen;
  return {
    sizeBytes,
    *read() {
      const now = reach(way, { write: false });
      try {
        const content = now.read(path);
        if (content?.sizeBytes !== sizeBytes)
          throw new TandemError(
            "boot",
            `Cannot read ${path} on ${now.name}: it was changed meanwhile`,
          );
        yield* content.read();
      } finally {
        now.close();
      }
    },
  };
}

function closed(esp: Esp): Esp {
  esp.close();
  return esp;
}

function openAlone(esp: EspPlace, access: { readonly write: boolean }): BlockFile {
  try {
    return esp.open(access);
  } catch (error) {
    throw asBoot(error);
  }
}

function refused(diskPath: string, mounts: readonly Mount[]): TandemError {
  const seen = mounts.map(({ root, path }) => `${root} at ${path}`).join(", ");
  return new TandemError(
    "boot",
    `Cannot use the EFI system partition of ${diskPath}: only parts of it are mounted, ${seen}`,
    { hint: "Mount all of it, or unmount it." },
  );
}
