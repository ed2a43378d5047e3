import { setTimeout as delay } from "node:timers/promises";

import { TandemError } from "../lib/error.ts";
import type { Sleep } from "../oci/attempts.ts";
import type { Scheme } from "../oci/endpoint.ts";
import type { Image, LayerDescriptor } from "../oci/manifest.ts";
import { type Every, MINIMUM_RATE } from "../oci/patience.ts";
import { parseReference, printReference } from "../oci/reference.ts";
import type { Fetch } from "../oci/transport.ts";
import type { Digest } from "../oci/digest.ts";
import type { Files } from "../system/files.ts";
import type { DataSink, Entry } from "../tar/entry.ts";
import { openArchive } from "./archive.ts";
import { openDockerArchive } from "./docker-archive.ts";
import { pathBelow } from "./exclusions.ts";
import { openDirectory } from "./folder.ts";
import { openLayout } from "./oci-layout.ts";
import { openRegistry, registryTags } from "./registry.ts";

/** A place that an image is read from. The prefix decides in which form it gives the image. */
export type Source = LayeredSource | TreeSource | FileSystemSource;

interface SourceBase {
  /** "oci:host/name:tag", "oci-archive:/x.tar:ref" */
  readonly name: string;
  /** undefined: only this thread can read the source. */
  readonly recipe: SourceRecipe | undefined;
  close(): void;
}

/** Gives an OCI image: layers that are merged into one tree. */
export interface LayeredSource extends SourceBase {
  readonly kind: "layers";
  /** The image for the one platform, with the documents that led to it. All is verified. It is looked up once. */
  image(): Promise<Image>;
  /**
   * The blob's raw bytes. Their size and digest are checked on the way: wrong bytes throw instead of ending. A registry gets the request
   * at once. A chunk is valid until the next one is asked for.
   */
  blob(layer: BlobName, options?: BlobOptions): AsyncIterable<Uint8Array>;
}

/** Gives the files of a directory: one tree, which has to be read to know what it is. */
export interface TreeSource extends SourceBase {
  readonly kind: "tree";
  /** Reads the whole tree. Changes nothing. */
  scan(progress: TreeProgress): Promise<TreeSummary>;
  /** Reads the tree again and gives its entries and their data. Throws "content" when it is not what scan() has read. */
  read(summary: TreeSummary, output: TreeOutput): Promise<void>;
}

/** What a tree is. */
export interface TreeSummary {
  /** The tree digest: over all entries and all data, as they are written. */
  readonly digest: Digest;
  /** The time of the topmost directory: seconds since 1970. */
  readonly timeSeconds: number;
  /** The data of all files, without holes. */
  readonly dataBytes: number;
  /** Some bits of each entry's hash, to find the entry that has changed since. */
  readonly marks: readonly number[];
  /** What was left out. Each ends with ", continuing". */
  readonly warnings: readonly string[];
}

export interface TreeProgress {
  readonly signal: AbortSignal;
  readonly onProgress: (doneBytes: number) => void;
}

/** The receivers of a tree's content. */
export interface TreeOutput extends TreeProgress {
  readonly sink: DataSink;
  readonly onEntry: (entry: Entry) => void;
}

/** Gives a file that holds a file system, to be copied as it is. */
export interface FileSystemSource extends SourceBase {
  readonly kind: "filesystem";
  readonly file: string;
}

export type BlobName = Pick<LayerDescriptor, "digest" | "sizeBytes">;

export interface BlobOptions {
  readonly signal?: AbortSignal;
}

/** Plain data from which another thread opens the same source. */
export interface SourceRecipe {
  readonly text: string;
  readonly options: PlainOptions;
}

interface PlainOptions {
  /** "amd64" */
  readonly architecture: string;
  /** "host" or "host:port": any certificate will do, and plain HTTP where the host has no TLS. So for loopback hosts. */
  readonly insecureRegistries: readonly string[];
  /** The scheme of the registry, once it is known. It is found once, so that no thread falls back from TLS to plain HTTP. */
  readonly scheme?: Scheme;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The user that runs tandem: its credentials are used. */
  readonly userId: number;
  /** How long a registry may send nothing before the connection counts as broken. */
  readonly stallMs?: number;
  /** The lowest rate of a registry in bytes a second, over a minute. 0: no limit. */
  readonly minimumRate?: number;
  /** Paths that are left out, with all below them. A source of layers gives them all the same: the writer leaves them out. */
  readonly exclude?: readonly string[];
  /** The same for paths that need not be there. Other sources ignore them. */
  readonly skip?: readonly string[];
}

export interface SourceOptions extends PlainOptions {
  readonly files: Files;
  /** Takes details, and warnings that end with ", continuing". No line holds a secret. */
  readonly log: (message: string) => void;
  readonly fetch?: Fetch;
  /** Aborts the look-up of the image and the download of blobs. */
  readonly signal?: AbortSignal;
  readonly sleep?: Sleep;
  readonly every?: Every;
}

/** The options without a default. */
type Optional = "fetch" | "signal" | "scheme" | "every";

/** The options with their defaults. */
export type OpenOptions = Required<Omit<SourceOptions, Optional>> & Pick<SourceOptions, Optional>;

/** Opens what a prefix stands for. `rest` is the text after the prefix. */
export type OpenSource = (
  rest: string,
  options: OpenOptions,
) => WithoutRecipe<Source> & { readonly found?: () => Pick<PlainOptions, "scheme"> };

/** Distributes over the union, which Omit alone does not. */
type WithoutRecipe<T> = T extends Source ? Omit<T, "recipe"> : never;

/** Each prefix of a source. A new one is a file in this folder and a line here. */
const KINDS: Readonly<Record<string, { readonly open: OpenSource; readonly form: string }>> = {
  oci: { open: openRegistry, form: "oci:REFERENCE" },
  "oci-archive": { open: openArchive, form: "oci-archive:FILE[:REF]" },
  "docker-archive": { open: openDockerArchive, form: "docker-archive:FILE[:REF]" },
  "oci-layout": { open: openLayout, form: "oci-layout:DIRECTORY[:REF]" },
  dir: { open: openDirectory, form: "dir:DIRECTORY" },
};
const STALL_MS = 30_000;

/** Opens the source that `text` names. Throws "source" for an unknown prefix, and for a source that does not exist. */
// oxlint-disable-next-line require-await -- A later kind may have to wait. An async function rejects instead of throwing.
export async function openSource(text: string, options: SourceOptions): Promise<Source> {
  const colon = text.indexOf(":");
  const kind = Object.entries(KINDS).find(([name]) => text.startsWith(`${name}:`))?.[1];
  if (kind === undefined || text.length === colon + 1) throw unknownKind(text);
  // Only a folder leaves them out here. A wrong one must be refused before anything is fetched.
  options.exclude?.forEach(pathBelow);
  const { found, ...source } = kind.open(text.slice(colon + 1), withDefaults(options));
  return {
    ...source,
    get recipe() {
      return recipeOf(text, { ...options, ...found?.() });
    },
  };
}

/** Lists the tags of a repository, which is named like an image. Throws like a source. */
export function tagsOf(reference: string, options: SourceOptions): Promise<string[]> {
  return registryTags(reference, withDefaults(options));
}

function withDefaults(options: SourceOptions): OpenOptions {
  return {
    ...options,
    sleep:
      options.sleep ??
      (async (ms, signal) => {
        await delay(ms, undefined, { signal });
      }),
    stallMs: options.stallMs ?? STALL_MS,
    minimumRate: options.minimumRate ?? MINIMUM_RATE,
    exclude: options.exclude ?? [],
    skip: options.skip ?? [],
  };
}

/** Undefined when a test replaced the network or the clock: the replacement exists in this thread only. */
function recipeOf(text: string, options: SourceOptions): SourceRecipe | undefined {
  const { architecture, insecureRegistries, scheme, environment, userId } = options;
  const { stallMs, minimumRate, fetch, sleep } = options;
  if (fetch !== undefined || sleep !== undefined) return undefined;
  return {
    text,
    options: {
      architecture,
      insecureRegistries,
      ...(scheme === undefined ? {} : { scheme }),
      environment: { ...environment },
      userId,
      ...(stallMs === undefined ? {} : { stallMs }),
      ...(minimumRate === undefined ? {} : { minimumRate }),
    },
  };
}

function unknownKind(text: string): TandemError {
  const forms = Object.values(KINDS).map(({ form }) => form);
  const message = `Cannot open source "${text}": want ${forms.join(", ")}`;
  const hint = hintFor(text);
  return new TandemError("source", message, hint === undefined ? {} : { hint });
}

/** "oci" is so short that many names of images are one letter from it. */
function hintFor(text: string): string | undefined {
  const [prefix = "", ...rest] = text.split(":");
  const near = Object.keys(KINDS).find((name) => name !== "oci" && isOneLetterFrom(name, prefix));
  if (near !== undefined && rest.join("") !== "") return `Did you mean ${near}:${rest.join(":")}?`;
  return isReference(text) ? `Write oci:${text}` : undefined;
}

/** Whether one letter is missing, too much or another one. */
function isOneLetterFrom(name: string, text: string): boolean {
  let same = 0;
  while (same < name.length && name[same] === text[same]) same += 1;
  const [left, right] = [name.slice(same), text.slice(same)];
  return [left.slice(1) === right, left === right.slice(1), left.slice(1) === right.slice(1)].some(
    Boolean,
  );
}

function isReference(text: string): boolean {
  try {
    return printReference(parseReference(text)) !== "";
  } catch {
    return false;
  }
}
