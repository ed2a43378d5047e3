import { reasonOf } from "../lib/error.ts";
import { MiB } from "../lib/units.ts";
import { hostFolder } from "../slot/kairos/host-folder.ts";
import { DIRECTORY } from "../system/files.ts";
import type { System } from "../system/system.ts";
import { type ConfigMap, configMapOf, mergeMaps } from "./config-tree.ts";
import { kernelConfig } from "./kernel-config.ts";

export type ConfigSystem = Pick<System, "files" | "readLink" | "environment">;

/** The configuration of a machine with Kairos, merged from all its files. */
export interface KairosConfig {
  readonly values: ConfigMap;
  /** The files that it was merged from, in their order, and "cmdline". */
  readonly sources: readonly string[];
  /** What was left out, in the words of Kairos' own program, each for a line of its own. */
  readonly warnings: readonly string[];
}

/** Later folders win. */
const FOLDERS = ["/run/initramfs/live", "/etc/kairos", "/usr/local/cloud-config", "/oem"];
const HEADERS = new Set(["#cloud-config", "#kairos-config", "#node-config"]);
/** Comments and the line that names a template may stand before the header. */
const HEADER_LINES = 10;
/** Kairos counts whole MiB and leaves out what has more than one. */
const FILE_BYTES = 2 * MiB;
const DEPTH_MAX = 20;

/** Reads the configuration. `given` wins over all files. Throws "usage" when two files contradict each other in kind. */
export function readKairosConfig(system: ConfigSystem, given: ConfigMap = {}): KairosConfig {
  const files = readConfigFiles(system);
  const kernel = kernelConfig(system.files.readText("/proc/cmdline") ?? "");
  const layers = [
    ...files.map(({ layer }) => layer).filter((layer) => layer !== undefined),
    kernel,
    given,
  ];
  return {
    values: layers.reduce<ConfigMap>((merged, layer) => mergeMaps(merged, layer), {}),
    sources: [
      ...files.flatMap(({ path, layer }) => (layer === undefined ? [] : [path])),
      ...(Object.keys(kernel).length === 0 ? [] : ["cmdline"]),
    ],
    warnings: files.flatMap(({ warning }) => warning ?? []),
  };
}

/** Each file in the folders of the configuration, in their order. */
export function readConfigFiles(system: ConfigSystem): readonly ConfigFile[] {
  return FOLDERS.flatMap((folder) => filesBelow(system, `${hostFolder(system)}${folder}`)).map(
    (path) => readConfigFile(system, path),
  );
}

/** All files in a folder and in the folders below it, by name. A link to a folder is not followed. */
function filesBelow(system: ConfigSystem, folder: string, depth = 0): string[] {
  if (depth > DEPTH_MAX) return [];
  return system.files
    .list(folder)
    .toSorted()
    .flatMap((name) => {
      const path = `${folder}/${name}`;
      const isFolder = system.readLink(path) === undefined && system.files.kind(path) === DIRECTORY;
      return isFolder ? filesBelow(system, path, depth + 1) : [path];
    });
}

export interface ConfigFile {
  readonly path: string;
  /** Undefined when the file was left out. */
  readonly layer?: ConfigMap;
  readonly warning?: string;
}

function readConfigFile({ files }: ConfigSystem, path: string): ConfigFile {
  if (!/\.ya?ml$/.test(path)) return { path, warning: `warning: skipping ${path} (extension).` };
  try {
    const text = files.readText(path);
    if (text === undefined) return { path, warning: `warning: skipping ${path}. no such file` };
    if (Buffer.byteLength(text) >= FILE_BYTES)
      return { path, warning: `warning: skipping ${path}. too big (>1MB)` };
    if (!hasHeader(text))
      return { path, warning: `warning: skipping ${path} because it has no valid header` };
    return parseConfigFile(path, text);
  } catch (error) {
    return { path, warning: `warning: skipping ${path}. ${reasonOf(error)}` };
  }
}

function parseConfigFile(path: string, text: string): ConfigFile {
  try {
    return { path, layer: configMapOf(Bun.YAML.parse(text)) };
  } catch (error) {
    const warning = `warning: failed to parse config:\n${path}: ${reasonOf(error)}`;
    return { path, warning };
  }
}

function hasHeader(text: string): boolean {
  return text.split("\n", HEADER_LINES).some((line) => HEADERS.has(line.trimEnd()));
}
