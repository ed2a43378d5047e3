/** One line of /proc/self/mountinfo, as far as it matters here. */
export interface Mount {
  /** Major and minor number of the device: "8:2"; "0:…" when there is none. */
  readonly device: string;
  /** Which folder of the device's file system is seen there: "/" for all of it. */
  readonly root: string;
  /** Where it is seen: "/". */
  readonly path: string;
  readonly isReadOnly: boolean;
}

/** Later mounts come later and hide those before them. proc_pid_mountinfo(5). */
export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap((line) => {
    // What follows the lone hyphen belongs to the file system, what comes before it to this mount of it.
    const [mount = "", fileSystem = ""] = line.split(" - ");
    const [, , device, root = "/", path, options = ""] = mount.split(" ");
    if (device === undefined || path === undefined) return [];
    const superOptions = fileSystem.split(" ")[2] ?? "";
    const isReadOnly = [options, superOptions].some((list) => list.split(",").includes("ro"));
    return [{ device, root: unescape(root), path: unescape(path), isReadOnly }];
  });
}

/** The device that is mounted as the root. */
export function rootDevice(mounts: readonly Mount[]): string | undefined {
  return mounts.findLast(({ path }) => path === "/")?.device;
}

/** Space, tab, newline and backslash are written as three octal digits. */
function unescape(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
