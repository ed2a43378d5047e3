import type { Partition } from "../disk/gpt.ts";
import { TandemError } from "../lib/error.ts";
import type { Mount } from "../slot/mounts.ts";
import type { Slots } from "../slot/slots.ts";
import type { BlockFile } from "../system/block-file.ts";
import type { DurableFiles } from "../system/durable-files.ts";
import { asBoot, type Esp } from "./esp.ts";
import { mountedEsp } from "./mounted-esp.ts";
import { rawEsp } from "./raw-esp.ts";

/**
 * Opens the EFI system partition of the disk: past the kernel where nobody has it mounted, else through the mount. undefined: the disk
 * has none. The caller closes it. Throws `boot`.
 */
export function openEsp(
  files: DurableFiles,
  slots: Pick<Slots, "esp" | "open" | "mountsOf" | "diskPath">,
  access: { readonly write: boolean },
): Esp | undefined {
  const { esp, diskPath } = slots;
  if (esp === undefined) return undefined;
  const mounts = slots.mountsOf(esp);
  // Mounted where we do not see it, it would be written behind our back.
  if (mounts.length === 0) return rawEsp(openAlone(slots, esp, access));
  const whole = mounts.filter(({ root }) => root === "/");
  const mount = whole.find(({ isReadOnly }) => !isReadOnly) ?? whole[0];
  if (mount === undefined) throw refused(diskPath, mounts);
  return mountedEsp(files, mount);
}

function openAlone(
  slots: Pick<Slots, "open">,
  esp: Partition,
  { write }: { readonly write: boolean },
): BlockFile {
  try {
    return slots.open(esp, { write, unused: write });
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
