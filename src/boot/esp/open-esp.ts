import type { FileContent } from "../../fat/data.ts";
import { TandemError } from "../../lib/error.ts";
import type { Mount } from "../../slot/mounts.ts";
import type { EspPlace } from "../../slot/layout.ts";
import type { BlockFile } from "../../system/block-file.ts";
import type { DurableFiles } from "../../system/durable-files.ts";
import { asBootError, type Esp } from "./esp.ts";
import { mountedEsp } from "./mounted-esp.ts";
import { rawEsp } from "./raw-esp.ts";

/** An EFI system partition, and how it can be reached. */
export interface EspRoute {
  readonly files: DurableFiles;
  readonly diskPath: string;
  readonly esp: EspPlace;
}

/**
 * Opens an EFI system partition of the disk. The caller closes it. Throws `boot`.
 *
 * Other programs may mount, unmount and write the ESP while an upgrade runs. So each call asks again whether it is mounted, and uses
 * the mount or our own FAT, which it reads again. The ESP is held only during a change.
 */
export function openEsp(route: EspRoute, access: { readonly write: boolean }): Esp {
  // An ESP that is in use is refused now, and not only at the first change.
  const { name } = close(reach(route, access));
  return {
    name,
    refuseReadOnly: () => read(route, (now) => now.refuseReadOnly()),
    flaw: () => read(route, (now) => now.flaw()),
    list: (path) => read(route, (now) => now.list(path)),
    read: (path) => read(route, (now) => lazyContent(route, path, now.read(path))),
    write: (path, content) => change(route, (now) => now.write(path, content)),
    remove: (path) => change(route, (now) => now.remove(path)),
    makeFolder: (path) => change(route, (now) => now.makeFolder(path)),
    makeRoom: () => change(route, (now) => now.makeRoom()),
    close() {},
  };
}

function reach({ files, diskPath, esp }: EspRoute, access: { readonly write: boolean }): Esp {
  const mounts = esp.mounts();
  // A mount in another mount namespace is not in the list. Then the device cannot be held, and openHeld() throws.
  if (mounts.length === 0) return rawEsp(openHeld(esp, access));
  return mountedEsp(files, mountIn(mounts, diskPath));
}

function mountIn(mounts: readonly Mount[], diskPath: string): Mount {
  const whole = mounts.filter(({ root }) => root === "/");
  const mount = whole.find(({ isReadOnly }) => !isReadOnly) ?? whole[0];
  if (mount === undefined) throw refused(diskPath, mounts);
  return mount;
}

function read<T>(route: EspRoute, action: (now: Esp) => T): T {
  const now = reach(route, { write: false });
  try {
    return action(now);
  } finally {
    now.close();
  }
}

async function change<T>(route: EspRoute, action: (now: Esp) => Promise<T>): Promise<T> {
  const now = reach(route, { write: true });
  try {
    return await action(now);
  } finally {
    now.close();
  }
}

/** The bytes are read later. By then the file may have been replaced. */
function lazyContent(
  route: EspRoute,
  path: string,
  seen: FileContent | undefined,
): FileContent | undefined {
  if (seen === undefined) return undefined;
  const { sizeBytes } = seen;
  return {
    sizeBytes,
    *read() {
      const now = reach(route, { write: false });
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

function close(esp: Esp): Esp {
  esp.close();
  return esp;
}

function openHeld(esp: EspPlace, access: { readonly write: boolean }): BlockFile {
  try {
    return esp.open(access);
  } catch (error) {
    throw asBootError(error);
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
