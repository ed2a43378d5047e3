/** A new system is written into transition.img, beside the old ones, and takes its slot in the end. */
import { describing } from "../../system/failure.ts";
import type { Devices } from "../block-device.ts";
import type { StagedSystem } from "../layout.ts";
import { swapImages } from "./image-files.ts";
import { RECOVERY_LABEL, removeReplaced, swapRecovery } from "./recovery-swap.ts";
import { IMAGE_FOLDER } from "./stored-images.ts";
import { ACTIVE_LABEL } from "./swap.ts";

const LABELS = { active: ACTIVE_LABEL, recovery: RECOVERY_LABEL } as const;
export type StageTarget = keyof typeof LABELS;

/** `root` is where the partition of the target is mounted, writable. */
export function openStage(devices: Devices, target: StageTarget, root: string): StagedSystem {
  const { mounted, mounts } = devices;
  const folder = { path: `${root}${IMAGE_FOLDER}`, files: mounted };
  const path = `${folder.path}/transition.img`;
  const remove = (): void =>
    describing(`remove ${path}`, () => {
      // Both lie in the way of the next new system when the partition is small.
      if (target === "recovery") removeReplaced(folder);
      if (mounted.stat(path) === undefined) return;
      mounted.remove(path);
      mounted.flush(folder.path);
    });
  return {
    path,
    label: LABELS[target],
    allocate(sizeBytes) {
      remove();
      mounts.allocate(path, sizeBytes);
    },
    open: ({ write }) => ({
      block: devices.openBlock(path, { write, hold: write }),
      path,
      offsetBytes: 0,
    }),
    promote(options) {
      if (target === "active") swapImages(folder, options);
      else swapRecovery(folder);
    },
    remove,
  };
}
