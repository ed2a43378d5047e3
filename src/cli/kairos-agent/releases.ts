import type { Files } from "../../system/files.ts";
import { KAIROS_RELEASE, releaseValue } from "./release-value.ts";
import { compareVersions, isPrerelease } from "./semver.ts";

/** What the name of an image of Kairos is made of. */
export interface Artifact {
  readonly flavor: string;
  /** The tag without the versions: "15.6-standard-amd64-generic". */
  readonly base: string;
  /** "v3.5.0", with "-" for "+", which a tag cannot have. */
  readonly version: string;
  /** The version of the software that is built in, such as that of k3s, and its name. */
  readonly software: { readonly prefix: string; readonly version: string } | undefined;
}

export interface ReleaseOptions {
  /** Older releases, too. */
  readonly all: boolean;
  /** Prereleases, too. */
  readonly pre: boolean;
}

/** A tag of an image, and not of its signature or of another artifact. */
const IMAGE_TAG = /-(?:core|standard)-(?:amd64|arm64|riscv64)-.*-v/;
const OTHER_ARTIFACTS = /-(?:uki|img)$/;

/** Reads from the files of the running system what image it is. Throws an Error in the words of the original. */
export function readArtifact(files: Files): Artifact {
  if (!files.exists(KAIROS_RELEASE))
    throw new Error(`open ${KAIROS_RELEASE}: no such file or directory`);
  const find = (name: string): string | undefined => releaseValue(files, name);
  const need = (name: string): string => {
    const value = find(name);
    if (value === undefined) throw new Error(`KAIROS_${name} key not found`);
    return value;
  };
  const parts = ["FLAVOR_RELEASE", "VARIANT", "TARGETARCH", "MODEL"].map((name) => need(name));
  const software = find("SOFTWARE_VERSION") ?? "";
  return {
    flavor: need("FLAVOR"),
    base: parts.join("-"),
    version: forTag(need("RELEASE")),
    software:
      software === ""
        ? undefined
        : { prefix: find("SOFTWARE_VERSION_PREFIX") ?? "", version: forTag(software) },
  };
}

function forTag(version: string): string {
  return version.replaceAll("+", "-");
}

/** "quay.io/kairos/opensuse" */
export function repositoryOf({ flavor }: Artifact, registry: string): string {
  return `${registry}/${flavor}`;
}

/** The tag of the running system. */
export function tagOf({ base, version, software }: Artifact): string {
  const suffix = software === undefined ? "" : `-${software.prefix}${software.version}`;
  return `${base}-${version}${suffix}`;
}

/** The tags of other releases of the same image, the newest first. */
export function releasesAmong(
  tags: readonly string[],
  artifact: Artifact,
  { all, pre }: ReleaseOptions,
): string[] {
  return tags
    .filter((tag) => IMAGE_TAG.test(tag) && !OTHER_ARTIFACTS.test(tag))
    .map((tag) => ({ tag, versions: versionsIn(tag, artifact) }))
    .filter(({ versions }) => (all ? isOther(versions, artifact) : isNewer(versions, artifact)))
    .filter(({ versions }) => pre || isRelease(versions, artifact))
    .toSorted((one, other) => compareAll(other.versions, one.versions))
    .map(({ tag }) => tag);
}

/** The version of the system, and that of the software if the tag has one. Empty for the tag of another image. */
function versionsIn(tag: string, { base, software }: Artifact): readonly string[] {
  const start = tag.indexOf(`${base}-`);
  if (start === -1) return [];
  const rest = tag.slice(start + base.length + 1);
  const mark = software === undefined || software.prefix === "" ? undefined : `-${software.prefix}`;
  const at = mark === undefined ? -1 : rest.indexOf(mark, 1);
  if (mark === undefined || at === -1 || rest.length === at + mark.length)
    return rest === "" ? [] : [rest];
  return [rest.slice(0, at), rest.slice(at + mark.length)];
}

function isOther([version, software]: readonly string[], artifact: Artifact): boolean {
  if (version === undefined) return false;
  return (
    version !== artifact.version ||
    (software !== undefined && software !== artifact.software?.version)
  );
}

/** An image with software is newer with a newer system, or with newer software on the same system. */
function isNewer([version, software]: readonly string[], artifact: Artifact): boolean {
  if (version === undefined) return false;
  const order = compareVersions(version, artifact.version);
  if (artifact.software === undefined) return order > 0;
  if (software === undefined) return false;
  return order > 0 || (order === 0 && compareVersions(software, artifact.software.version) > 0);
}

/** The version of the software does not count: "v1.28.3-k3s2" only looks like a prerelease. */
function isRelease([version, software]: readonly string[], artifact: Artifact): boolean {
  if (version === undefined || (artifact.software !== undefined && software === undefined))
    return false;
  return !isPrerelease(version);
}

function compareAll(one: readonly string[], other: readonly string[]): number {
  const order = compareVersions(one[0] ?? "", other[0] ?? "");
  if (order !== 0 || one.length !== other.length) return order || one.length - other.length;
  return compareVersions(one[1] ?? "", other[1] ?? "");
}
