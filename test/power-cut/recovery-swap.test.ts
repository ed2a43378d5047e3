/**
 * Cuts while a new recovery system takes the place of the old one, on an ext4 that the kernel has mounted. GRUB, which
 * replays no journal, and the kernel must each see a whole recovery system.
 */
import { expect, test } from "bun:test";
import { swapRecovery } from "../../src/slot/kairos/recovery-swap.ts";
import { linuxMountedFiles, type MountedFiles } from "../../src/system/mounted-files.ts";
import {
  cutsOf,
  grubsView,
  kernelsView,
  recordOnState,
  type StateCut,
  type StateDisk,
  stateDisk,
  type StoredSystem,
  type View,
} from "./state-disk.ts";

const SQUASHFS: StoredSystem = ["recovery.squashfs", "v0", "COS_SYSTEM"];
const IMAGE: StoredSystem = ["recovery.img", "v1", "COS_SYSTEM"];
const TRANSITION: StoredSystem = ["transition.img", "v2", "COS_SYSTEM"];
const NEW = "v2 COS_SYSTEM";

/** What the entry "recovery" of the menu starts: the squashfs unless it is missing or empty. */
function started({ seen }: View): string | undefined {
  const squashfs = seen.get("recovery.squashfs");
  const hasSquashfs = squashfs !== undefined && !["none", "0 bytes"].includes(squashfs);
  return hasSquashfs ? squashfs : seen.get("recovery.img");
}

interface Story {
  readonly disk: StateDisk;
  readonly old: string;
}

async function judge({ disk, old }: Story, cut: StateCut, isDone: boolean): Promise<void> {
  const allowed = isDone ? [NEW] : [old, NEW];
  const judgeView = (who: string, view: View): void => {
    const found = started(view);
    if (found === undefined || !allowed.includes(found))
      throw new Error(`${who} starts ${found}: ${JSON.stringify([...view.seen])}`);
  };
  judgeView("GRUB", await grubsView(disk, cut));
  kernelsView(disk, (view) => judgeView("the kernel", view));
}

/** The first cut that leaves a machine without its recovery system, with the reason. */
async function firstFailure(
  stored: readonly StoredSystem[],
  files: MountedFiles,
): Promise<{ readonly cuts: number; readonly reason?: string }> {
  await using disk = await stateDisk("descriptors", [...stored, TRANSITION]);
  const [, version = "", label = ""] = stored[0] ?? [];
  const story = { disk, old: `${version} ${label}` };
  const recording = await recordOnState(disk, (path) => swapRecovery({ path, files }));
  let cuts = 0;
  for (const cut of cutsOf(disk, recording)) {
    cuts += 1;
    try {
      await judge(story, cut, cut.after >= recording.returnedAfter);
    } catch (error) {
      return { cuts, reason: `cut ${cut.name}: ${String(error)}` };
    }
  }
  return { cuts };
}

test.each([
  ["an image", [IMAGE]],
  ["a squashfs", [SQUASHFS]],
  ["a squashfs beside an image", [SQUASHFS, IMAGE]],
])(
  "the recovery system takes the place of %s: every cut leaves one that starts",
  async (_, stored) => {
    const { cuts, reason } = await firstFailure(stored, linuxMountedFiles);
    expect(reason).toBeUndefined();
    console.log(`count: cuts ${cuts}`);
    expect(cuts).toBeGreaterThan(5);
  },
);

/** A replaced system keeps no name. */
const withoutReplaced: MountedFiles = {
  ...linuxMountedFiles,
  link: () => {},
  rename(path, to) {
    if (to.endsWith("/replaced.squashfs")) linuxMountedFiles.remove(path);
    else linuxMountedFiles.rename(path, to);
  },
};

test("the judge condemns a swap that frees the old image with its name", async () => {
  const { reason } = await firstFailure([IMAGE], withoutReplaced);
  expect(reason).toBeDefined();
});
