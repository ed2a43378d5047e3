import { reasonOf } from "../lib/error.ts";
import type { System } from "../system/system.ts";
import { type ConfigMap, configMapOf } from "./config-tree.ts";

/** What happened to a machine. */
export interface LifecycleEvent {
  readonly what: "active" | "recovery";
  /** "oci://host/name:tag" */
  readonly source: string;
}

/** Kairos keeps the file at the root of COS_PERSISTENT. */
export const LIFECYCLE_FILE = ".kairos-state";
/** The keys in their order, with what they hold before anything happened. */
const NOTHING_YET: ConfigMap = {
  "first-install": "never",
  "first-install-source": "",
  "last-active-upgrade": "never",
  "last-active-source": "",
  "last-recovery-upgrade": "never",
  "last-recovery-source": "",
  "last-reset": "never",
  "last-reset-source": "",
};
const MODE = 0o644;

/**
 * Notes an upgrade in the file of Kairos that tells what happened to the machine. Other keys stay. A file that cannot be
 * read is kept beside it under another name. Returns a warning, or undefined.
 */
export function noteUpgrade(
  system: Pick<System, "files" | "replaceFile" | "now">,
  folder: string,
  { what, source }: LifecycleEvent,
): string | undefined {
  const path = `${folder}/${LIFECYCLE_FILE}`;
  // In seconds: the form of RFC 3339 that Kairos writes.
  const at = `${system.now().toISOString().slice(0, 19)}Z`;
  const text = system.files.readText(path);
  let before: ConfigMap = {};
  let warning: string | undefined;
  try {
    before = configMapOf(Bun.YAML.parse(text ?? ""));
  } catch (error) {
    const kept = `${path}.bak`;
    warning = `Cannot read ${path}: ${reasonOf(error)}; it is kept as ${kept}, continuing`;
    system.replaceFile(kept, text ?? "", MODE);
  }
  const after = {
    ...NOTHING_YET,
    ...before,
    [`last-${what}-upgrade`]: at,
    [`last-${what}-source`]: source,
  };
  system.replaceFile(path, yamlOf(after), MODE);
  return warning;
}

/** YAML in the form of Kairos' programs: blocks, indented by four. */
export function yamlOf(tree: unknown): string {
  const text = Bun.YAML.stringify(tree, undefined, 4);
  return text.endsWith("\n") ? text : `${text}\n`;
}
