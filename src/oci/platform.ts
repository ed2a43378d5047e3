import { TandemError } from "../lib/error.ts";
import type { IndexEntry } from "./manifest.ts";
import { documentKind, isConfig } from "./media-type.ts";

/** A platform of Linux. `variant` is "" for an architecture without variants, and for the lowest variant. */
export interface Platform {
  readonly architecture: string;
  readonly variant: string;
}

const ALIASES: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  armhf: "arm/v7",
  armel: "arm/v6",
  i386: "386",
};
/** The lowest variant of each architecture: the one that no variant stands for. */
const BASE_VARIANT: Readonly<Record<string, string>> = { amd64: "v1", arm64: "v8", arm: "v7" };

/** Parses "amd64", "amd64/v3", "aarch64", "arm/v7". Throws "content" for other texts. */
export function parsePlatform(text: string): Platform {
  const match = /^([a-z0-9_-]+)(?:\/(v[0-9]+))?$/.exec(text);
  if (match === null)
    throw new TandemError("content", `Cannot use architecture "${text}": want a name like "amd64"`);
  return normalise(match[1] ?? "", match[2] ?? "");
}

export function printPlatform({ architecture, variant }: Platform): string {
  return `linux/${architecture}${variant === "" ? "" : `/${variant}`}`;
}

/** Whether a machine of the platform `wanted` runs an image for `offered`. Other architectures never match. */
export function runsOn(
  wanted: Platform,
  offered: {
    readonly os: string;
    readonly architecture: string;
    readonly variant?: string | null | undefined;
  },
): boolean {
  return rank(wanted, offered) !== undefined;
}

/** Whether an entry of an index can be an image: no attestation, no other artifact, no unknown type. */
export function isImageEntry(entry: IndexEntry): boolean {
  if (documentKind(entry.mediaType ?? undefined) === undefined) return false;
  if (entry.platform?.os === "unknown" && entry.platform.architecture === "unknown") return false;
  if (entry.annotations?.["vnd.docker.reference.type"] === "attestation-manifest") return false;
  return (
    entry.artifactType === undefined || entry.artifactType === null || isConfig(entry.artifactType)
  );
}

/** Chooses the entry for `wanted`: the best variant, then the first. Throws "content" and lists the platforms. */
export function choosePlatform(
  entries: readonly IndexEntry[],
  wanted: Platform,
  what: string,
): IndexEntry {
  const images = entries.filter(isImageEntry);
  const ranked = images
    .map((entry) => ({ entry, rank: entry.platform ? rank(wanted, entry.platform) : undefined }))
    .filter((item): item is { entry: IndexEntry; rank: number } => item.rank !== undefined);
  const best = Math.min(...ranked.map((item) => item.rank));
  const found = ranked.find((item) => item.rank === best)?.entry;
  if (found !== undefined) return found;
  // The only image, without a platform: its config names one, which is checked later.
  const [single] = images;
  if (single !== undefined && images.length === 1 && !single.platform) return single;
  const there = images.map(({ platform }) => describe(platform)).join(", ");
  throw new TandemError(
    "content",
    `Cannot choose an image in ${what}: want ${printPlatform(wanted)}, there is ${there === "" ? "none" : there}`,
  );
}

/** 0 for the same variant, 1 for the next lower one, and so on. Undefined when `wanted` cannot run it. */
function rank(
  wanted: Platform,
  offered: {
    readonly os: string;
    readonly architecture: string;
    readonly variant?: string | null | undefined;
  },
): number | undefined {
  const { architecture, variant } = normalise(offered.architecture, offered.variant ?? "");
  if (offered.os !== "linux" || architecture !== wanted.architecture) return undefined;
  if (variant === wanted.variant) return 0;
  const below = level(wanted) - level({ architecture, variant });
  return below > 0 ? below : undefined;
}

/** The number of a variant. NaN for a variant without a number: every comparison with it is false. */
function level({ architecture, variant }: Platform): number {
  const text = variant === "" ? BASE_VARIANT[architecture] : variant;
  return Number.parseInt(text?.slice(1) ?? "", 10);
}

function normalise(architecture: string, variant: string): Platform {
  const [name = "", implied = ""] = (
    ALIASES[architecture.toLowerCase()] ?? architecture.toLowerCase()
  ).split("/");
  const given = variant === "" ? implied : variant.toLowerCase();
  return { architecture: name, variant: given === BASE_VARIANT[name] ? "" : given };
}

function describe(platform: IndexEntry["platform"]): string {
  if (!platform) return "one without a platform";
  const { os, architecture, variant } = platform;
  return `${os}/${architecture}${variant === undefined || variant === null || variant === "" ? "" : `/${variant}`}`;
}
