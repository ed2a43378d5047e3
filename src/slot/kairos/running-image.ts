/**
 * Which image file this machine runs from. The initrd shows the file as a loop device, and the loop device keeps its
 * file when the file gets another name. So the file is known by its inode; the kernel command line has the name that
 * the file had at boot.
 */
import { partitionOfDevice, type Devices } from "../block-device.ts";
import { kernelOptions } from "../cmdline.ts";
import { type Mount, parseMounts } from "../mounts.ts";

export interface RunningImage {
  /** The partition whose file system holds the image file. */
  readonly partition: { readonly disk: string; readonly number: number };
  /** As in MountedFiles.stat(). Undefined when only the name is known. */
  readonly identity: string | undefined;
  /** The name on the kernel command line: "/cOS/active.img". */
  readonly file: string | undefined;
}

/** Where a pod has the root of the host. */
const HOST = "/host";
/** Where the initrd mounts the partition with the image file; the second one belongs to a squashfs. */
export const INITRD_MOUNTS = ["/run/initramfs/cos-state", "/run/initramfs/live"];

/** Undefined when the machine does not run from an image file on a partition. Throws "disk". */
export function runningImage(devices: Devices): RunningImage | undefined {
  const file = imageOption(devices);
  const loop = rootLoop(devices);
  if (loop !== undefined) {
    const { identity, device } = devices.mounts.backingOf(loop);
    const partition = partitionOfDevice(devices, device);
    return partition && { partition, identity, file };
  }
  const device = file === undefined ? undefined : initrdMount(devices)?.device;
  const partition = device === undefined ? undefined : partitionOfDevice(devices, device);
  if (device === undefined || partition === undefined) return undefined;
  return { partition, identity: onlyLoopOn(devices, device), file };
}

/** Whether the kernel command line is the one of a Kairos system, which may run from memory. */
export function isKairosBoot(devices: Devices): boolean {
  const text = devices.files.readText("/proc/cmdline") ?? "";
  return imageOption(devices) !== undefined || /\bCOS_[A-Z]+\b|\bkairos\.ram\b/.test(text);
}

function imageOption({ files }: Devices): string | undefined {
  const options = kernelOptions(files.readText("/proc/cmdline") ?? "");
  return options.get("cos-img/filename") ?? options.get("rd.live.squashimg");
}

/** The loop device that is mounted as the root of this machine, also seen from a pod. */
function rootLoop(devices: Devices): string | undefined {
  const own = mountsIn(devices, "/proc/self/mountinfo");
  const host = mountsIn(devices, `${HOST}/proc/1/mountinfo`);
  return [deviceAt(own, "/"), deviceAt(own, HOST), deviceAt(host, "/")]
    .map((device) => device && loopOf(devices, device))
    .find((loop) => loop !== undefined);
}

function initrdMount(devices: Devices): Mount | undefined {
  const mounts = mountsIn(devices, "/proc/self/mountinfo");
  return ["", HOST]
    .flatMap((prefix) => INITRD_MOUNTS.map((path) => `${prefix}${path}`))
    .map((path) => mounts.findLast((mount) => mount.path === path))
    .find((mount) => mount !== undefined);
}

function mountsIn({ files }: Devices, path: string): Mount[] {
  return parseMounts(files.readText(path) ?? "");
}

function deviceAt(mounts: readonly Mount[], path: string): string | undefined {
  return mounts.findLast((mount) => mount.path === path)?.device;
}

/** The node of the loop device with this number. Undefined when the number is not that of a loop device. */
function loopOf({ files }: Devices, device: string): string | undefined {
  const sys = `/sys/dev/block/${device}`;
  if (files.readText(`${sys}/loop/backing_file`) === undefined) return undefined;
  const name = /^DEVNAME=(.+)$/m.exec(files.readText(`${sys}/uevent`) ?? "")?.[1];
  return name && `/dev/${name}`;
}

/** The file behind the only loop device that shows a file on this device: under an overlay it is the root. */
function onlyLoopOn(devices: Devices, device: string): string | undefined {
  const { files, mounts } = devices;
  const found = files
    .list("/sys/class/block")
    .filter((name) => files.readText(`/sys/class/block/${name}/loop/backing_file`) !== undefined)
    .map((name) => mounts.backingOf(`/dev/${name}`))
    .filter((backing) => backing.device === device)
    .map(({ identity }) => identity);
  const [identity] = found;
  return new Set(found).size === 1 ? identity : undefined;
}
