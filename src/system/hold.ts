/** Exclusive use of what is written: nobody else mounts it, claims it or writes to it behind a loop device meanwhile. */
import { closeSync, constants, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { TandemError } from "../lib/error.ts";
import { errnoOf } from "./failure.ts";

const CLASS = "/sys/class/block";
const ELSEWHERE =
  "It may be mounted where this program does not see it: in a container, or for another user.";

interface Claim {
  readonly fd: number;
  holders: number;
}

/** The kernel gives a device to one open file at a time: this process has one for each device, however often it holds it. */
const claims = new Map<number, Claim>();

/**
 * Holds the block device or plain file at `path` until the returned function is called. Throws `disk` when somebody else uses it: a
 * mount in any namespace, device-mapper, md or swap, another program with O_EXCL, a loop device. What is not there is not held.
 */
export function hold(path: string): () => void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return () => {};
  if (!stat.isBlockDevice()) {
    const loop = loopsOn(path).find(isClaimed);
    if (loop !== undefined)
      throw inUse(path, `/dev/${loop} shows it, and is mounted or held`, "Unmount it first.");
    return () => {};
  }
  const claim = claims.get(stat.rdev) ?? { fd: claimed(path), holders: 0 };
  claim.holders += 1;
  claims.set(stat.rdev, claim);
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    claim.holders -= 1;
    if (claim.holders > 0) return;
    claims.delete(stat.rdev);
    closeSync(claim.fd);
  };
}

/** open(2): for a block device O_EXCL alone claims it. A loop device on top of it claims nothing, so it is looked for. */
function claimed(path: string): number {
  const [loop] = loopsOn(path);
  if (loop !== undefined)
    throw inUse(path, `/dev/${loop} lies on it`, `Detach it first: losetup -d /dev/${loop}`);
  try {
    return openSync(path, constants.O_RDONLY + constants.O_EXCL);
  } catch (cause) {
    if (errnoOf(cause) === "EBUSY") throw inUse(path, "it is in use", ELSEWHERE, cause);
    throw cause;
  }
}

/** The loop devices whose data lies in the file or device at `path`. */
function loopsOn(path: string): string[] {
  const wanted = identityAt(path);
  return namesIn(CLASS).filter((name) => {
    if (!/^loop\d+$/.test(name)) return false;
    const backing = textAt(`${CLASS}/${name}/loop/backing_file`);
    return backing !== undefined && identityAt(backing) === wanted;
  });
}

/** A device by its number, a file by its inode: a path is only one of their names. */
function identityAt(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return stat.isBlockDevice() ? `device ${stat.rdev}` : `file ${stat.dev}:${stat.ino}`;
}

/** Whether a loop device or a partition of it is mounted or claimed. Who may not open it sees only the mounts of this namespace. */
function isClaimed(loop: string): boolean {
  const names = [
    loop,
    ...namesIn(`${CLASS}/${loop}`).filter((name) => name.startsWith(`${loop}p`)),
  ];
  return names.some((name) => {
    try {
      closeSync(openSync(`/dev/${name}`, constants.O_RDONLY + constants.O_EXCL));
      return false;
    } catch (error) {
      return errnoOf(error) === "EBUSY" || isMounted(textAt(`${CLASS}/${name}/dev`));
    }
  });
}

function isMounted(device: string | undefined): boolean {
  const mountinfo = textAt("/proc/self/mountinfo") ?? "";
  return mountinfo.split("\n").some((line) => line.split(" ")[2] === device);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // No sysfs: an early initramfs has no loop devices either.
    return [];
  }
}

function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    // It went since it was listed, or never was there.
    return undefined;
  }
}

// oxlint-disable-next-line max-params -- Each call is one sentence.
function inUse(path: string, why: string, hint: string, cause?: unknown): TandemError {
  return new TandemError("disk", `Cannot open ${path}: ${why}`, { cause, hint });
}
