import { dirname, basename, join } from "node:path";
import { FileFault } from "./failure.ts";

/** As many symlinks as Linux follows before it answers ELOOP. */
const LINKS_MAX = 40;

/** What is asked of the machine here; a System is one. */
export interface Links {
  readLink(path: string): string | undefined;
}

/**
 * Where `path` of the system that lies at `root` is: every symlink, absolute ones and ".." too, leads to a place inside, as after
 * chroot(2). What is not there yet is a place as well.
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

/** The same for the name itself, which something new takes the place of: a link there is not followed. */
export function nameInsideRoot(links: Links, root: string, path: string): string {
  return join(insideRoot(links, root, dirname(path)), basename(path));
}

/** The names of a path, last one first: a stack of what is still to be walked. */
function namesOf(path: string): string[] {
  return path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .toReversed();
}
