import { sourceOf, type Work } from "../../machine/open-source.ts";
import type { Source } from "../../source/source.ts";
import type { TranslatedUpgrade } from "./upgrade-request.ts";

/** mke2fs(8) makes it in each file system. */
const NO_PART_OF_SYSTEM = ["/lost+found"];

/**
 * Opens the source of an upgrade. A file with a file system is mounted and read as a folder, so that it becomes a file
 * system of tandem's own, with a UUID of its own and without what GRUB cannot read. Throws "disk" and what sourceOf()
 * throws.
 */
export async function openAgentSource(
  work: Work,
  { request, source }: Pick<TranslatedUpgrade, "request" | "source">,
): Promise<Source> {
  if (source.kind !== "file") return sourceOf(work, request.source, request);
  const { mounts } = work.system;
  const folder = `${mounts.ownFolder}/source`;
  const unmount = mounts.mountFile(source.shown, folder, { type: "ext4", isReadOnly: true });
  try {
    const wanted = { ...request, skip: NO_PART_OF_SYSTEM };
    const opened = await sourceOf(work, `dir:${folder}`, wanted);
    return {
      ...opened,
      name: request.source,
      close() {
        opened.close();
        unmount();
      },
    };
  } catch (error) {
    unmount();
    throw error;
  }
}
