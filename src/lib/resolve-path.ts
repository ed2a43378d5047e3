/** The limit of Linux: more symlinks in one path fail with ELOOP (MAXSYMLINKS in include/linux/namei.h). */
export const SYMLINKS_MAX = 40;

/** The result of looking up a name: the step of a file or directory, or the target of a symlink. */
export type LookedUp<Name, Step> = { readonly step: Step } | { readonly target: Name };

/**
 * Resolves `path` and its symlinks inside a root, as after chroot(2): neither an absolute target nor ".." leads out of
 * the root. Returns the steps from the root to the result, "missing" when `lookUp` finds nothing, and "loop" for too
 * many symlinks. `lookUp` gets a name and the steps from the root to the directory of this name.
 */
export function resolvePath<Name extends string, Step>(
  path: Name,
  lookUp: (name: Name, steps: readonly Step[]) => LookedUp<Name, Step> | undefined,
): Step[] | "missing" | "loop" {
  const todo = namesOf(path);
  const steps: Step[] = [];
  let symlinks = 0;
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (name === "..") {
      steps.pop();
      continue;
    }
    const found = lookUp(name, steps);
    if (found === undefined) return "missing";
    if ("step" in found) {
      steps.push(found.step);
      continue;
    }
    symlinks += 1;
    if (symlinks > SYMLINKS_MAX) return "loop";
    if (found.target.startsWith("/")) steps.length = 0;
    todo.push(...namesOf(found.target));
  }
  return steps;
}

/** Returns the names of a path, last one first: a stack of the names that are still to be resolved. */
function namesOf<Name extends string>(path: Name): Name[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- A part of a ByteString is one too.
  const names = path.split("/") as Name[];
  return names.filter((name) => name !== "" && name !== ".").toReversed();
}
