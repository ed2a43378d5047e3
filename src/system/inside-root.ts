import { dirname, basename, join } from "node:path";
import { FileFault } from "./failure.ts";

/** Linux follows as many symlinks before it fails with ELOOP. */
const LINKS_MAX = 40;

/** The only part of System that this file needs. */
export interface Links {
  readLink(path: string): string | undefined;
}

/**
 * Resolves `path` in the system whose root is the directory `root`, as after chroot(2): no symlink, absolute target or
 * ".." leads out of `root`. Parts of the path may not exist yet. Throws a FileFault for too many symlinks.
 */
export function insideRoot(links: Links, root: string, path: string): string {
  const todo = namesOf(path);
  const steps: string[] = [];
  let followed = 0;
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (name === "..") {
      steps.pop();
      continue;
    }
    const target = links.readLink(join(root, ...steps, name));
    if (target === undefined) {
      steps.push(name);
      continue;
    }
    followed += 1;
    if (followed > LINKS_MAX) throw new FileFault(path, "it has too many symbolic links", "ELOOP");
    if (target.startsWith("/")) steps.length = 0;
    todo.push(...namesOf(target));
  }
  return join(root, ...steps);
}

/** Like insideRoot(), but does not follow a symlink at the last name, because the caller replaces that name. */
export function nameInsideRoot(links: Links, root: string, path: string): string {
  return join(insideRoot(links, root, dirname(path)), basename(path));
}

/** Returns the names of a path, last one first: a stack of the names that are still to be resolved. */
function namesOf(path: string): string[] {
  return path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .toReversed();
}
