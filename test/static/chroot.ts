/** Roots for the probe: a root folder with only the given files, in its own namespaces. */
import { cpSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { type Outcome, PROBE, run } from "./probe.ts";

interface RootSetup {
  /** Maps a path in the root to a text. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Maps a path in the root to a file of this machine. */
  readonly copies?: Readonly<Record<string, string>>;
}

/** A root like Alpine's: musl as the C library, and gcompat's libc.so.6, which uses musl too. */
export const MUSL = {
  "lib/ld-musl-x86_64.so.1": "/lib/ld-musl-x86_64.so.1",
  "lib/libc.so.6": "/lib/ld-musl-x86_64.so.1",
  "bin/busybox": "/bin/busybox",
};

/** Makes a root folder with the probe as /probe and an empty /proc. */
export async function makeRoot({
  texts = {},
  copies = {},
}: RootSetup = {}): Promise<TemporaryFolder> {
  const root = await temporaryFolder(dirname(PROBE));
  mkdirSync(root.in("proc"));
  linkSync(PROBE, root.in("probe"));
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(join(root.path, dirname(path)), { recursive: true });
    writeFileSync(join(root.path, path), text);
  }
  for (const [path, source] of Object.entries(copies)) {
    mkdirSync(join(root.path, dirname(path)), { recursive: true });
    cpSync(source, join(root.path, path), { dereference: true });
  }
  return root;
}

/** Commands that run in the new namespaces before chroot. "$0" is the root folder. */
export const SETUP = {
  proc: 'mount -t proc proc "$0/proc"',
  loopback: "ip link set lo up",
  readOnly: 'mount --bind "$0" "$0" && cd / && mount -o remount,bind,ro "$0"',
} as const;

/**
 * Runs a program with an empty environment, the root folder `root`, and its own network, mount and process namespaces.
 */
export function runIn(
  root: TemporaryFolder,
  setup: readonly string[],
  words: readonly string[],
): Outcome {
  const script = [...setup, 'exec env -i "$(command -v chroot)" "$0" "$@"'].join(" && ");
  const namespaces = ["--user", "--map-root-user", "--mount", "--pid", "--fork", "--net"];
  return run(["unshare", ...namespaces, "sh", "-ec", script, root.path, ...words], {
    environment: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
}
