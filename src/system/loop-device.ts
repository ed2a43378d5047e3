/** Loop devices, which show a plain file as a block device: loop(4). */
import { closeSync, openSync } from "node:fs";
import { ptr } from "bun:ffi";
import { viewOf } from "../lib/view.ts";
import { call } from "./call.ts";
import { errnoOf } from "./failure.ts";
import { deviceText } from "./file-calls.ts";

/** The file behind a loop device. */
export interface LoopBacking {
  /** Equal to `identity` of MountedFiles.stat() when that is the same file, whatever its name is now. */
  readonly identity: string;
  /** The device of the file system that holds the file, as in mountinfo: "8:4". */
  readonly device: string;
  /** Where in the file the device begins. */
  readonly offsetBytes: number;
}

/** linux/loop.h */
const REQUEST = { setFile: 0x4c00, setStatus: 0x4c04, getStatus: 0x4c05, getFree: 0x4c82 } as const;
/** struct loop_info64 */
const INFO = { sizeBytes: 232, device: 0, inode: 8, offsetBytes: 24, flags: 52 } as const;
const CLEAR_AFTER_LAST_USE = 4;
/** Another program can take the free device before this one does. */
const ATTEMPTS_MAX = 16;

/** Throws the errors of node:fs, and SyscallError; ENXIO when the device shows no file. */
export function backingOf(path: string): LoopBacking {
  const fd = openSync(path, "r");
  try {
    const info = new Uint8Array(INFO.sizeBytes);
    call("ioctl", [fd, REQUEST.getStatus, ptr(info)]);
    const view = viewOf(info);
    const [device, inode, offset] = [INFO.device, INFO.inode, INFO.offsetBytes].map((at) =>
      view.getBigUint64(at, true),
    );
    return {
      identity: `${device}:${inode}`,
      device: deviceText(Number(device)),
      offsetBytes: Number(offset),
    };
  } finally {
    closeSync(fd);
  }
}

/**
 * Calls `use` with a loop device that shows the file. The kernel removes the loop device when `use` has returned and
 * nothing else uses the device, such as a mount that `use` has made.
 */
export function withLoopDevice(
  file: string,
  { isReadOnly }: { readonly isReadOnly: boolean },
  use: (device: string) => void,
): void {
  const flags = isReadOnly ? "r" : "r+";
  const backing = openSync(file, flags);
  try {
    const { path, fd } = attach(backing, flags);
    try {
      use(path);
    } finally {
      closeSync(fd);
    }
  } finally {
    closeSync(backing);
  }
}

function attach(backing: number, flags: "r" | "r+"): { path: string; fd: number } {
  for (let attempt = 1; ; attempt += 1) {
    const path = `/dev/loop${freeNumber()}`;
    const fd = openSync(path, flags);
    try {
      call("ioctl", [fd, REQUEST.setFile, backing]);
      const info = new Uint8Array(INFO.sizeBytes);
      viewOf(info).setUint32(INFO.flags, CLEAR_AFTER_LAST_USE, true);
      call("ioctl", [fd, REQUEST.setStatus, ptr(info)]);
      return { path, fd };
    } catch (error) {
      closeSync(fd);
      if (errnoOf(error) !== "EBUSY" || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

function freeNumber(): number {
  const control = openSync("/dev/loop-control", "r+");
  try {
    return call("ioctl", [control, REQUEST.getFree]);
  } finally {
    closeSync(control);
  }
}
