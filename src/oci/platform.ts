import { TandemError } from "../lib/error.ts";
import type { IndexEntry } from "./manifest.ts";
import { documentKind, isConfig } from "./media-type.ts";

/** Always of Linux. `variant` is "" where an architecture has none or the lowest one. */
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
/** The variant that an architecture has when none is given. */
const BASE_VARIANT: Readonly<Record<string, string>> = { amd64: "v1", arm64: "v8", arm: "v7" };

/** Reads "amd64", "amd64/v3", "aarch64", "arm/v7". Throws "content" for what is no such name. */
export function parsePlatform(text: string): Platform {
  const match = /^([a-z0-9_-]+)(?:\/(v[0-9]+))?$/.exec(text);
  if (match === null)
    throw new TandemError("content", `Cannot use architecture "${text}": want a name like "amd64"`);
  return normalise(match[1] ?? "", match[2] ?? "");
}

export function printPlatform({ architecture, variant }: Platform): string {
  return `linux/${architecture}${variant === "" ? "" : `/${variant}`}`;
}

/** True when a machine that is `wanted` runs what says `os`, `architecture` and `variant`. Other architectures never match. */
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

/** True for a line of an index that can be an image; not for attestations, other artifacts and types nobody knows. */
export function isImageEntry(entry: IndexEntry): boolean {
  if (documentKind(entry.mediaType ?? undefined) === undefined) return false;
  if (entry.platform?.os === "unknown" && entry.platform.architecture === "unknown") return false;
  if (entry.annotations?.["vnd.docker.reference.type"] === "attestation-manifest") return false;
  return (
    entry.artifactType === undefined || entry.artifactType === null || isConfig(entry.artifactType)
  );
}

/** The line for `wanted`: the best variant, then the first. Throws "content" and lists what there is. */
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
  // One image that does not say what it is for: its config does, and is compared later.
  const [single] = images;
  if (single !== undefined && images.length === 1 && !single.platform) return single;
  const there = images.map(({ platform }) => describe(platform)).join(", ");
  throw new TandemError(
    "content",
    `Cannot choose an image in ${what}: want ${printPlatform(wanted)}, there is ${there === "" ? "none" : there}`,
  );
}

/** 0 for the same variant, 1 for the one before it …; undefined for what cannot run. */
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

/** NaN, which compares as false, for variants without an order. */
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
