/**
 * Claims a disk for exclusive use, so that no other program mounts it, claims it, or writes to it through a loop
 * device.
 */
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

/**
 * The kernel lets one open file claim a device. So this process has one claim for each device and counts its holders.
 */
const claims = new Map<number, Claim>();

/**
 * Claims the block device or plain file at `path` until the returned function is called. Throws "disk" when it is in
 * use: by a mount in any namespace, device-mapper, md, swap, another program with O_EXCL, or a loop device. Does
 * nothing when `path` does not exist.
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

/**
 * Opens with O_EXCL, which claims a block device: see open(2). A loop device on top of it makes no claim, so look for
 * one.
 */
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

/** Returns the loop devices whose backing file is the file or device at `path`. */
function loopsOn(path: string): string[] {
  const wanted = identityAt(path);
  return namesIn(CLASS).filter((name) => {
    if (!/^loop\d+$/.test(name)) return false;
    const backing = textAt(`${CLASS}/${name}/loop/backing_file`);
    return backing !== undefined && identityOfBacking(backing) === wanted;
  });
}

/** Undefined when this user may not reach the backing file: then it is a file of another user. */
function identityOfBacking(path: string): string | undefined {
  try {
    return identityAt(path);
  } catch (error) {
    if (errnoOf(error) === "EACCES") return undefined;
    throw error;
  }
}

/** Identifies a device by its number and a file by its inode, because one file may have several paths. */
function identityAt(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return stat.isBlockDevice() ? `device ${stat.rdev}` : `file ${stat.dev}:${stat.ino}`;
}

/**
 * Whether a loop device or a partition of it is mounted or claimed. Without the permission to open it, only mounts in
 * this namespace are found.
 */
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
    // There is no sysfs. An early initramfs without it has no loop devices either.
    return [];
  }
}

function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    // The file does not exist, or was removed after it was listed.
    return undefined;
  }
}

// oxlint-disable-next-line max-params -- Each call is one sentence.
function inUse(path: string, why: string, hint: string, cause?: unknown): TandemError {
  return new TandemError("disk", `Cannot open ${path}: ${why}`, { cause, hint });
}
