/** Small disks in the states in which trials start, and the images for their upgrades. */
import { chmodSync, chownSync, mkdirSync, readFileSync } from "node:fs";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { defined } from "../../src/lib/assert.ts";
import { MiB } from "../../src/lib/units.ts";
import { LOADER_NAMES } from "../fakes/loader-models.ts";
import { command } from "../peers/command.ts";
import { writeImage } from "../peers/image.ts";
import { startRegistry } from "../peers/registry.ts";
import { skopeoCopy } from "../peers/skopeo.ts";
import type { TarMember } from "../peers/tar.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { installed, upgraded } from "../power-cut/story.ts";
import { systemMembers, tandem } from "../binary/appliance.ts";
import { Random } from "./random.ts";
import { writeSparse } from "./sparse-file.ts";

/** The ids of Debian's user nobody and group nogroup. */
export const NOBODY = 65534;

export type Version = "2" | "3";
/** v1 is good in slot a; v1 is good in a and v2 on trial in b; v2 is good in b and v1 still in a. */
export type Point = "installed" | "armed" | "upgraded";

type Sources = Readonly<Record<"layout" | "archive" | "registry", string>>;

export interface World extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  /** The argument for --source. */
  readonly source: (version: Version, form?: keyof Sources) => string;
  /** The digest of each version. */
  readonly digests: Readonly<Record<Version, string>>;
  /** Copies a disk to its own folder, which belongs to the user nobody. */
  readonly disk: (point: Point, loader: LoaderName) => string;
}

/** The files of a bootable system, with enough data for several writes in flight. */
const FOLDERS: readonly TarMember[] = ["dev", "proc", "sys", "tmp", "usr", "usr/bin"].map(
  (path) => ({ path, kind: "directory", mode: 0o755 }),
);
const DATA_BYTES = 2.5 * MiB;

export async function makeWorld(): Promise<World> {
  const folder = await temporaryFolder();
  chmodSync(folder.path, 0o755);
  const layout = folder.in("layout");
  const digests = { 2: await addImage(layout, "2"), 3: await addImage(layout, "3") };
  const archive = folder.in("archive.tar");
  await command("tar", "-C", layout, "-cf", archive, ".");
  const registry = await startRegistry();
  const remote = `${registry.host}/os/edge`;
  for (const version of ["2", "3"])
    await skopeoCopy(`oci:${layout}:${version}`, `docker://${remote}:${version}`);
  const sources: Sources = {
    layout: `oci-layout:${layout}`,
    archive: `oci-archive:${archive}`,
    registry: `oci:${remote}`,
  };
  const source: World["source"] = (version, form = "layout") => `${sources[form]}:${version}`;
  const originals = await makeDisks(folder, source("2"));
  let trials = 0;
  return {
    folder,
    source,
    digests,
    disk(point, loader) {
      const own = folder.in(`trial-${(trials += 1)}`);
      mkdirSync(own);
      const path = `${own}/disk.img`;
      writeSparse(path, defined(originals.get(`${point} ${loader}`), "the original"));
      giveAway(own, path);
      return path;
    },
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

async function addImage(layout: string, version: Version): Promise<string> {
  const data = new Random(`image ${version}`, 0).bytes(DATA_BYTES);
  const more: TarMember[] = [...FOLDERS, { path: "usr/bin/tandem", data: "" }];
  const { manifest } = await writeImage(layout, {
    tag: version,
    layers: [{ tar: systemMembers(version, more) }, { tar: [{ path: "usr/data", data }] }],
  });
  return manifest.digest;
}

async function makeDisks(
  folder: TemporaryFolder,
  source: string,
): Promise<Map<string, Uint8Array>> {
  const originals = new Map<string, Uint8Array>();
  for (const loader of LOADER_NAMES)
    for (const [point, image] of [
      ["installed", await installed(loader)],
      ["armed", await installed(loader)],
      ["upgraded", await upgraded(loader)],
    ] as const) {
      const path = folder.in(`${point}-${loader}.img`);
      writeSparse(path, image.bytes());
      giveAway(path);
      if (point === "armed") await arm(path, source);
      originals.set(`${point} ${loader}`, readFileSync(path));
    }
  return originals;
}

async function arm(disk: string, source: string): Promise<void> {
  const run = await tandem("upgrade", "--disk", disk, "--source", source);
  if (run.status !== 0) throw new Error(`Cannot arm ${disk}: ${run.stderr}`);
}

function giveAway(...paths: readonly string[]): void {
  if (isRoot()) for (const path of paths) chownSync(path, NOBODY, NOBODY);
}
