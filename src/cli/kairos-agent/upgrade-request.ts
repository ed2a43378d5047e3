import { KAIROS_SKIP } from "../../boot/image/kairos-image.ts";
import { TandemError } from "../../lib/error.ts";
import { MiB } from "../../lib/units.ts";
import type { ConfigMap } from "../../kairos/config-tree.ts";
import type { UpgradeConfig } from "../../kairos/upgrade-config.ts";
import { parseReference } from "../../oci/reference.ts";
import { archiveForm } from "../../source/archive-form.ts";
import type { Files } from "../../system/files.ts";
import type { UpgradeRequest } from "../../upgrade/upgrade.ts";
import type { Config } from "../config.ts";
import { plainRegistries } from "./plain-registries.ts";
import { type AgentSource, parseAgentSource } from "./source-text.ts";
import { type AgentUpgradeRequest, noSourceText } from "./upgrade.ts";

/** What an upgrade is to do, for tandem and in the words of the original. */
export interface TranslatedUpgrade {
  readonly request: UpgradeRequest & { readonly source: string };
  readonly source: AgentSource;
  readonly isRecovery: boolean;
}

/** One failing boot is enough for the fall-back: the stock menu of Kairos counts no more. */
const TRIES = 1;

/** The command line as configuration. Kairos merges it over that of the files. */
export function givenConfig(request: AgentUpgradeRequest): ConfigMap {
  const { source, entry, excludedPaths, allowInsecureRegistries } = request;
  const image = source === undefined ? {} : { source };
  return {
    upgrade: {
      ...(entry === undefined ? {} : { entry }),
      system: image,
      "recovery-system": image,
      ...(excludedPaths.length === 0 ? {} : { "excluded-paths": [...excludedPaths] }),
      ...(allowInsecureRegistries ? { "allow-insecure-registries": true } : {}),
    },
  };
}

/** Translates the merged configuration. Throws "usage", and "source" for a source that is none. */
export function translateUpgrade(
  files: Pick<Files, "open">,
  upgrade: UpgradeConfig,
  config: Config,
): TranslatedUpgrade {
  const isRecovery = upgrade.entry === "recovery";
  if (upgrade.entry !== undefined && !isRecovery)
    throw new TandemError(
      "usage",
      `Cannot upgrade the boot entry "${upgrade.entry}": only systems of unified kernel images have entries of their own`,
    );
  const { source: text, sizeMiB = 0 } = isRecovery ? upgrade.recovery : upgrade.system;
  if (text === undefined) throw new TandemError("source", noSourceText(upgrade));
  const source = parseAgentSource(text);
  const request = {
    source: tandemSource(files, source),
    slot: isRecovery ? ("recovery" as const) : undefined,
    tries: TRIES,
    // The original reboots after its own messages.
    reboot: false,
    dryRun: false,
    retryBad: false,
    jobs: config.jobs,
    minimumBytes: sizeMiB * MiB,
    folders: foldersOf(upgrade),
    menuTitle: upgrade.entryTitle,
    minimumRate: config.minimumRate,
    exclude: exclusionsFor(source, upgrade.excludedPaths),
    ...(source.kind === "folder" ? { skip: KAIROS_SKIP } : {}),
    insecureRegistries: [...config.insecureRegistries, ...insecureFor(source, upgrade)],
  };
  return { request, source, isRecovery };
}

/** Throws "usage" for a path that names no folder below the root. */
function foldersOf({ extraFolders }: UpgradeConfig): readonly string[] {
  return extraFolders.map((path) => {
    if (!path.split("/").includes("..")) return `/${path.replace(/^\/+/, "")}`;
    throw new TandemError("usage", `Cannot make the folder "${path}": it leads out of the root`);
  });
}

function tandemSource(files: Pick<Files, "open">, { kind, shown }: AgentSource): string {
  switch (kind) {
    case "image":
      return `oci:${shown}`;
    case "folder":
      return `dir:${shown}`;
    case "file":
      return `file:${shown}`;
    case "archive":
      return `${archiveForm(files, shown)}:${shown}`;
  }
}

function insecureFor(
  { kind, shown }: AgentSource,
  { allowInsecureRegistries }: UpgradeConfig,
): readonly string[] {
  if (kind !== "image") return [];
  return allowInsecureRegistries ? [parseReference(shown).host] : plainRegistries(shown);
}

/**
 * The original takes patterns, in another form for each kind of source. Of these, whole paths from the root are what its
 * documentation and its operators use.
 */
function exclusionsFor({ kind }: AgentSource, paths: readonly string[]): readonly string[] {
  return paths
    .filter((path) => path !== "")
    .map((path) => {
      // The original compares them with the names in an image, which begin without a slash.
      if ((path.startsWith("/") || kind === "image") && !/[*?[\]]/.test(path)) return path;
      throw new TandemError(
        "usage",
        `Cannot leave out "${path}": want a whole path from the root, such as /etc/hosts`,
      );
    });
}
