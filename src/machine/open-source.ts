import type { Talk } from "../lib/talk.ts";
import { openSource, type Source, type SourceOptions, tagsOf } from "../source/source.ts";
import type { System } from "../system/system.ts";

/** What every job needs: the machine, the talk to the user, and the signal to end. */
export interface Work {
  readonly system: System;
  readonly talk: Talk;
  readonly signal: AbortSignal;
}

/** How registries are reached. */
export interface Network {
  readonly insecureRegistries: readonly string[];
  /** In bytes a second. */
  readonly minimumRate?: number;
}

/** How a source is read. */
export interface SourceRequest extends Network {
  /** Paths that are left out of the new system, with all below them. */
  readonly exclude?: readonly string[];
  /** The same for paths that need not be there, such as the mount points of a running system. */
  readonly skip?: readonly string[];
}

/** Opens a source with the files, credentials and architecture of this machine. */
export function sourceOf(work: Work, text: string, request: SourceRequest): Promise<Source> {
  return openSource(text, optionsFor(work, request));
}

/** Lists the tags of a repository with the credentials of this machine. */
export function tagsFrom(work: Work, reference: string, network: Network): Promise<string[]> {
  return tagsOf(reference, optionsFor(work, network));
}

function optionsFor(
  { system, talk, signal }: Work,
  { insecureRegistries, minimumRate, exclude, skip }: SourceRequest,
): SourceOptions {
  return {
    architecture: system.architecture,
    environment: system.environment,
    userId: system.userId,
    files: system.files,
    insecureRegistries,
    ...(minimumRate === undefined ? {} : { minimumRate }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(skip === undefined ? {} : { skip }),
    signal,
    log: (message) => (message.endsWith(", continuing") ? talk.warn(message) : talk.debug(message)),
  };
}

/** The paths that the writer leaves out: a folder leaves them out itself. */
export function excludedByWriter(
  { kind }: Source,
  { exclude = [] }: SourceRequest,
): readonly string[] {
  return kind === "layers" ? exclude : [];
}

/** How many layers are unpacked at the same time: one for each core, at most 6, and no more than there are layers. */
export function jobsFor(system: System, layers: number, wanted: number | undefined): number {
  const JOBS_MAX = 6;
  return Math.max(1, Math.min(wanted ?? Math.min(system.cores, JOBS_MAX), layers));
}
