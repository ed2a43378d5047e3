/** Linux follows as many symlinks in one path before it fails with ELOOP (MAXSYMLINKS in include/linux/namei.h). */
export const SYMLINKS_MAX = 40;

/** A name leads to a step, or is a symlink with this target. */
export type LookedUp<Name, Step> = { readonly step: Step } | { readonly target: Name };

/**
 * Follows `path` and its symlinks inside a root, as after chroot(2): neither an absolute target nor ".." leads out of the root. Returns
 * the steps from the root to where the path leads; "missing" where `lookUp` finds nothing, "loop" for too many symlinks. `lookUp` gets the
 * steps that lead to the directory of `name`.
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

/** The names of a path, the last one first: a stack of the names that are still to be followed. */
function namesOf<Name extends string>(path: Name): Name[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- A part of a ByteString is one, too.
  const names = path.split("/") as Name[];
  return names.filter((name) => name !== "" && name !== ".").toReversed();
}
