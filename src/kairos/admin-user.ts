import type { System } from "../system/system.ts";
import { hostFolder } from "../slot/kairos/host-folder.ts";
import { type ConfigMap, type ConfigTree, isList, isMap, valueAt } from "./config-tree.ts";

const ADMIN = "admin";
/** An image for machines without users has this file. */
const NO_USERS = "/etc/kairos/.nousers";

/**
 * Why an upgrade would lock everyone out, in the words of Kairos' own program: images since 3.3 bring no user of their
 * own. Undefined when the configuration makes a user who may become root, or when the machine is to have none.
 */
export function adminProblem(
  { files, environment }: Pick<System, "files" | "environment">,
  values: ConfigMap,
): string | undefined {
  if ([NO_USERS, `${hostFolder({ environment })}${NO_USERS}`].some((path) => files.exists(path)))
    return undefined;
  if (isTrue(valueAt(values, ["install", "nousers"])) || hasAdmin(values)) return undefined;
  return [
    "No users found in any stage that are part of the 'admin' group.",
    "In Kairos 3.3.x we no longer ship a default hardcoded user with the system configs and require users to provide their own user." +
      "Please provide at least 1 user that is part of the 'admin' group(for sudo) with your cloud configs." +
      "If you still want to continue without creating any users in the system, set 'install.nousers: true' to be in the config in order to allow a system with no users.",
  ].join("\n");
}

function isTrue(tree: ConfigTree | undefined): boolean {
  return tree === true || tree === "true";
}

/** Users stand in the steps of stages, by their names, and at the top, in the form of cloud-init. */
function hasAdmin(values: ConfigMap): boolean {
  const steps = itemsOf(values["stages"]).flatMap((stage) => itemsOf(stage));
  return [values, ...steps].some((step) =>
    itemsOf(isMap(step) ? step["users"] : undefined).some((user) => isAdmin(user)),
  );
}

function isAdmin(user: ConfigTree): boolean {
  if (!isMap(user)) return false;
  const { groups, primary_group: primary } = user;
  const names = typeof groups === "string" ? groups.split(",") : itemsOf(groups);
  return (
    primary === ADMIN || names.some((name) => typeof name === "string" && name.trim() === ADMIN)
  );
}

/** The items of a list, or the values of a map. */
function itemsOf(tree: ConfigTree | undefined): readonly ConfigTree[] {
  if (isList(tree)) return tree;
  return isMap(tree) ? Object.values(tree) : [];
}
