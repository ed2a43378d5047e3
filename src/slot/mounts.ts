/** One line of /proc/self/mountinfo, as far as it matters here. */
export interface Mount {
  /** Major and minor number of the device: "8:2"; "0:…" when there is none. */
  readonly device: string;
  /** Where it is seen: "/". */
  readonly path: string;
}

/** Later mounts come later and hide those before them. proc_pid_mountinfo(5). */
export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [, , device, , path] = line.split(" ");
    return device === undefined || path === undefined ? [] : [{ device, path: unescape(path) }];
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
