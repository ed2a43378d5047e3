import { dirname, basename, join } from "node:path";
import { resolvePath } from "../lib/resolve-path.ts";
import { FileFault } from "./failure.ts";

/** The only part of System that this file needs. */
export interface Links {
  readLink(path: string): string | undefined;
}

/**
 * Resolves `path` in the system whose root is the directory `root`, as after chroot(2): no symlink, absolute target or
 * ".." leads out of `root`. Parts of the path may not exist yet. Throws a FileFault for too many symlinks.
 */
export function insideRoot(links: Links, root: string, path: string): string {
  const steps = resolvePath<string, string>(path, (name, before) => {
    const target = links.readLink(join(root, ...before, name));
    return target === undefined ? { step: name } : { target };
  });
  if (!Array.isArray(steps)) throw new FileFault(path, "it has too many symbolic links", "ELOOP");
  return join(root, ...steps);
}

/** Like insideRoot(), but does not follow a symlink at the last name, because the caller replaces that name. */
export function nameInsideRoot(links: Links, root: string, path: string): string {
  return join(insideRoot(links, root, dirname(path)), basename(path));
}
