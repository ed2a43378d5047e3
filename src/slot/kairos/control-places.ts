import { KiB } from "../../lib/units.ts";
import { TandemError } from "../../lib/error.ts";
import type { BlockFile } from "../../system/block-file.ts";
import { describing } from "../../system/failure.ts";
import type { Devices } from "../block-device.ts";
import type { BootFolders, ControlPlaces } from "../layout.ts";
import { blankFile } from "./blank-file.ts";
import { unmountStale } from "./own-mounts.ts";
import type { PartFolder, PartFolders } from "./part-folders.ts";
import type { KairosDisk } from "./places.ts";
import { IMAGE_FOLDER } from "./stored-images.ts";

/** The folder of tandem's files on COS_STATE. */
const OWN_FOLDER = "tandem";
const CONTROL_BYTES = 64 * KiB;

interface Opening {
  readonly devices: Devices;
  readonly disk: KairosDisk;
  readonly folders: PartFolders;
  /** What stages have opened. It is closed with the control places. */
  readonly used: PartFolder[];
}

/** The lock comes first and goes last: a run that ends makes COS_STATE read-only. */
export function openControl(
  { devices, disk, folders, used }: Opening,
  access: { readonly write: boolean },
): ControlPlaces {
  const { mounts } = devices;
  const undo: (() => void)[] = [];
  const close = (): void => {
    for (const folder of used.splice(0)) folder.close();
    for (const step of undo.splice(0).toReversed()) step();
  };
  try {
    const looked = folders.open("state", { write: false });
    undo.push(looked.close);
    if (access.write) {
      const lock = mounts.tryLock(looked.path);
      if (lock === undefined) throw locked(disk);
      undo.push(lock);
      unmountStale(devices);
    }
    const state = folders.open("state", access);
    undo.push(state.close);
    const loaderData = openLoaderData(devices, state.path, access);
    undo.push(() => loaderData.close());
    const oem = disk.parts.oem && folders.open("oem", access);
    if (oem !== undefined) undo.push(oem.close);
    return {
      loaderData,
      memory: { folder: `${state.path}/${OWN_FOLDER}` },
      folders: bootFolders(devices, state.path, oem?.path),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function locked({ parts, path }: KairosDisk): TandemError {
  return new TandemError(
    "locked",
    `Cannot lock ${parts.state?.name ?? path}: another run is at work on it`,
    { hint: "Wait until it has ended, or end it; a run that was killed leaves no lock behind." },
  );
}

function bootFolders({ mounted }: Devices, state: string, oem: string | undefined): BootFolders {
  const transition = `${state}${IMAGE_FOLDER}/transition.img`;
  return {
    state,
    oem,
    isSwapped: () => describing(`read ${transition}`, () => mounted.stat(transition) === undefined),
  };
}

/** A file in the form of a control partition. A disk that tandem never changed has none. */
function openLoaderData(
  devices: Devices,
  root: string,
  { write }: { readonly write: boolean },
): BlockFile {
  const { mounted, durable } = devices;
  const folder = `${root}/${OWN_FOLDER}`;
  const path = `${folder}/control`;
  const stat = describing(`read ${path}`, () => mounted.stat(path));
  // A power cut while it was made has left a short one, into which nothing was ever written.
  const isWhole = stat !== undefined && stat.sizeBytes >= CONTROL_BYTES;
  if (!isWhole && !write) return blankFile(path, CONTROL_BYTES);
  if (!isWhole)
    describing(`make ${path}`, () => {
      durable.makeFolder(folder);
      if (stat !== undefined) mounted.remove(path);
      mounted.create(path, new Uint8Array(CONTROL_BYTES));
      mounted.flush(folder);
    });
  return devices.openBlock(path, { write });
}
