/** What doctor says of the image files and of other disks of Kairos. */
import { TandemError } from "../../lib/error.ts";
import { about, type Finding } from "../../lib/finding.ts";
import type { Devices } from "../block-device.ts";
import { finishSwap, type ImageFolder, readImageFiles } from "./image-files.ts";
import { PartFolders } from "./part-folders.ts";
import { disksWithState, findKairosDisk, KAIROS_LABELS, type KairosDisk } from "./places.ts";
import { IMAGE_FOLDER } from "./stored-images.ts";
import { ACTIVE_LABEL, type ImageFiles, PASSIVE_LABEL, planFinish } from "./swap.ts";

const { ok, warn, bad } = about("images", "disk");

/** Opening the layout says why, when the images cannot be reached. */
export function examineImages(devices: Devices, diskPath: string): Finding[] {
  try {
    const disk = findKairosDisk(devices, diskPath);
    const folders = new PartFolders(devices, disk);
    const files = folders.with("state", { write: false }, (root) =>
      readImageFiles(folderIn(devices, root)),
    );
    return [
      checkImages(files, () => finish(devices, folders, disk)),
      ...checkTransition(files),
      ...checkOthers(devices, disk),
    ];
  } catch (error) {
    if (error instanceof TandemError) return [];
    throw error;
  }
}

function checkImages(files: ImageFiles, run: () => Promise<void>): Finding {
  if (planFinish(files).length > 0)
    return warn("an upgrade was interrupted while the images changed places", {
      advice: "Run tandem doctor --fix, or any verb that takes the lock.",
      repair: { what: "finish the change of the images", run },
    });
  const { active, passive } = files;
  if (active === undefined)
    return bad("there is no active.img: GRUB shows an error and starts the passive system", {
      advice: "Upgrade from the passive or the recovery system.",
    });
  if (active.label !== ACTIVE_LABEL)
    return bad(
      `the label of active.img is ${active.label ?? "unreadable"}, want ${ACTIVE_LABEL}: the kernel does not find its root`,
      { advice: "Upgrade from the passive or the recovery system." },
    );
  if (passive === undefined)
    return warn("there is no passive.img: nothing boots when the active system fails", {
      advice: "The next upgrade makes one.",
    });
  return ok(`the labels are ${ACTIVE_LABEL} and ${PASSIVE_LABEL}, by which the kernel finds them`);
}

function checkTransition({ transition }: ImageFiles): Finding[] {
  if (transition === undefined) return [];
  return [
    warn("there is a transition.img: an upgrade is at work, or one was interrupted", {
      advice: "The next upgrade replaces it. Until then it uses its space.",
    }),
  ];
}

/** GRUB and the initrd look for labels and files on all disks. */
function checkOthers(devices: Devices, { path }: KairosDisk): Finding[] {
  const others = disksWithState(devices).filter((other) => other !== path);
  return others.map((other) =>
    warn(
      `${other} has a partition ${KAIROS_LABELS.state}, as ${path} has: GRUB may take its files`,
      {
        advice: "Remove one of the disks, or give its file systems other labels with tune2fs -L.",
      },
    ),
  );
}

async function finish(devices: Devices, folders: PartFolders, disk: KairosDisk): Promise<void> {
  await Promise.try(() =>
    folders.with("state", { write: true }, (root) => {
      const unlock = devices.mounts.tryLock(root);
      if (unlock === undefined)
        throw new TandemError("locked", `Cannot lock ${disk.path}: another run is at work on it`);
      try {
        finishSwap(folderIn(devices, root));
      } finally {
        unlock();
      }
    }),
  );
}

function folderIn({ mounted }: Devices, root: string): ImageFolder {
  return { path: `${root}${IMAGE_FOLDER}`, files: mounted };
}
