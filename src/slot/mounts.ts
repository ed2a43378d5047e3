/** One line of /proc/self/mountinfo: proc_pid_mountinfo(5). */
export interface Mount {
  /** Major and minor number of the device: "8:2". The major number is 0 when the file system has no device. */
  readonly device: string;
  /** The folder of the file system that is mounted: "/" when all of it is. */
  readonly root: string;
  /** The mount point. */
  readonly path: string;
  readonly isReadOnly: boolean;
}

/** In the order of the kernel: a mount hides earlier ones at the same mount point. */
export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap((line) => {
    // The fields before the lone hyphen describe the mount, those after it the file system.
    const [mount = "", fileSystem = ""] = line.split(" - ");
    const [, , device, root = "/", path, options = ""] = mount.split(" ");
    if (device === undefined || path === undefined) return [];
    const superOptions = fileSystem.split(" ")[2] ?? "";
    const isReadOnly = [options, superOptions].some((list) => list.split(",").includes("ro"));
    return [{ device, root: unescape(root), path: unescape(path), isReadOnly }];
  });
}

/** The device number of the file system that is mounted at "/". */
export function rootDevice(mounts: readonly Mount[]): string | undefined {
  return mounts.findLast(({ path }) => path === "/")?.device;
}

/** The kernel writes space, tab, newline and backslash as a backslash and three octal digits. */
function unescape(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
