/** The partition COS_STATE of a Kairos machine as a file, what the kernel writes to it, and what is seen on it. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type Checksums, readLabel } from "../../src/ext4/superblock.ts";
import { linuxMountedFiles } from "../../src/system/mounted-files.ts";
import { MiB } from "../../src/lib/units.ts";
import { directory, IDENTITY } from "../fakes/ext4-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { type CutOptions, type Operation, RecordedDisk } from "../fakes/recorded-disk.ts";
import { command, commandBytes } from "../peers/command.ts";
import { mount, unmount } from "../peers/mount-calls.ts";
import { mountWritable, writeExt4 } from "../peers/ext4-tools.ts";
import { recordedMount } from "../peers/recorded-mount.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

/** Room for a journal, and for images that are mostly holes. */
const STATE_BYTES = 12 * MiB;
const IMAGE_BYTES = 4 * MiB;
/** The name of a file, the version of the system in it, and the label of its file system. */
export type StoredSystem = readonly [file: string, version: string, label: string];
const SYSTEMS: readonly StoredSystem[] = [
  ["active.img", "v1", "COS_ACTIVE"],
  ["passive.img", "v0", "COS_PASSIVE"],
  ["transition.img", "v2", "COS_ACTIVE"],
];
const NEW = "transition.img";
const WATCHED = ["active.img", "passive.img", "recovery.img", "recovery.squashfs"];
const FOLDER = "cOS";

export interface StateDisk extends AsyncDisposable {
  /** Before anything has changed, without the new system. */
  readonly start: PagedImage;
  /** The name of a system, by the hash of its bytes without label and checksum. */
  readonly systems: ReadonlyMap<string, string>;
  readonly path: (name: string) => string;
  /** A loop device with the disk of the last cut. */
  readonly loop: string;
  /** Where the journal lies: GRUB never looks there. */
  readonly journal: readonly (readonly [startBytes: number, endBytes: number])[];
  /** The files that are looked at. */
  readonly watched: readonly string[];
  /** What GRUB has seen, by all bytes that it may look at. */
  readonly seenByGrub: Map<string, View>;
}

/** What somebody sees under the names of the watched files: "v1 COS_ACTIVE". */
export interface View {
  readonly seen: ReadonlyMap<string, string>;
  /** The file active.img. */
  readonly active: string;
  readonly passive: string;
  readonly names: readonly string[];
}

export interface Recording {
  readonly operations: readonly Operation[];
  /** How many operations there were before the program began. */
  readonly beganAfter: number;
  /** How many operations there were when the program returned. */
  readonly returnedAfter: number;
}

export async function stateDisk(
  checksums: Checksums,
  stored: readonly StoredSystem[] = SYSTEMS,
): Promise<StateDisk> {
  // In memory: hundreds of mounts would wait for the disk of this machine.
  const folder = await temporaryFolder("/dev/shm");
  const path = folder.in;
  const systems = new Map(
    stored.map(([file, version, label]) => {
      const identity = { ...IDENTITY, label };
      writeExt4(path(file), { sizeBytes: IMAGE_BYTES, checksums, identity }, (image) =>
        directory({ boot: directory({ vmlinuz: image.file(version.repeat(99_999)) }) }),
      );
      return [hashOf(readFileSync(path(file))), version] as const;
    }),
  );
  await command("truncate", "-s", `${STATE_BYTES}`, path("start"));
  await command("mkfs.ext4", "-q", "-b", "4096", "-L", "COS_STATE", path("start"));
  {
    await using mounted = await mountWritable(path("start"));
    mkdirSync(`${mounted.path}/${FOLDER}`);
    for (const [file] of stored)
      if (file !== NEW) await copySparse(path(file), `${mounted.path}/${FOLDER}/${file}`);
  }
  await command("mkdir", path("mount"));
  await command("cp", path("start"), path("cut"));
  const loop = (await command("losetup", "--find", "--show", path("cut"))).trim();
  // A new recovery.img takes the place of a recovery.squashfs.
  const roles = new Set(stored.map(([file]) => file.split(".")[0]));
  const watched = WATCHED.filter((file) => roles.has(file.split(".")[0]));
  return {
    start: PagedImage.of(readFileSync(path("start"))),
    systems,
    path,
    loop,
    journal: await journalOf(path("start")),
    watched,
    seenByGrub: new Map(),
    async [Symbol.asyncDispose]() {
      await command("losetup", "--detach", loop);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** What works on the folder of the images. */
type Act = (folder: string, operations: () => number) => void | Promise<void>;

/** Writes and flushes the new system, lets `prepare` and then `act` work, and records from `act` on. */
export async function recordOnState(
  disk: StateDisk,
  act: Act,
  prepare: (folder: string) => void | Promise<void> = () => {},
): Promise<Recording> {
  await using mounted = await recordedMount(disk.path("start"));
  const folder = `${mounted.path}/${FOLDER}`;
  await copySparse(disk.path("transition.img"), `${folder}/transition.img`);
  await prepare(folder);
  linuxMountedFiles.flush(folder);
  const count = (): number => mounted.written().length;
  const beganAfter = count();
  await act(folder, count);
  const operations = mounted.written();
  return { operations, beganAfter, returnedAfter: operations.length };
}

const copySparse = (from: string, to: string): Promise<string> =>
  command("cp", "--sparse=always", from, to);

const OPTIONS: CutOptions = { subsetsMax: 2, tearsMax: 2 };

/** A disk that a cut can leave, now in the file "cut". */
export interface StateCut {
  readonly name: string;
  readonly after: number;
  /** Of all bytes that GRUB may look at. */
  readonly grubHash: string;
}

/** Each disk once. */
export function* cutsOf(disk: StateDisk, recording: Recording): Generator<StateCut> {
  const recorded = new RecordedDisk(disk.start);
  recorded.replay(recording.operations);
  const seen = new Set<string>();
  for (const cut of recorded.cuts(OPTIONS)) {
    if (cut.after < recording.beganAfter) continue;
    const bytes = cut.image.bytes();
    const isAtEnd = cut.after >= recording.returnedAfter;
    const key = `${Bun.hash(bytes)} ${isAtEnd}`;
    if (seen.has(key)) continue;
    seen.add(key);
    yield put(disk, bytes, cut);
  }
}

/** The disks on which only some sectors of the block with the new label have been written. */
export function* labelTearsOf(disk: StateDisk, recording: Recording): Generator<StateCut> {
  const image = disk.start.fork();
  for (const [after, write] of recording.operations.entries()) {
    if (write.kind !== "write") continue;
    if (after >= recording.beganAfter && isRelabelled(write.bytes))
      for (const [start, end] of tearsOf(write.bytes.byteLength)) {
        const torn = image.fork();
        torn.write(write.offsetBytes + start, write.bytes.subarray(start, end));
        yield put(disk, torn.bytes(), { name: `bytes ${start} to ${end} of the label`, after });
      }
    image.write(write.offsetBytes, write.bytes);
  }
}

const isRelabelled = (bytes: Uint8Array): boolean =>
  bytes.byteLength >= 2048 && readLabel(bytes.subarray(1024, 2048)) === "COS_PASSIVE";

function tearsOf(sizeBytes: number): (readonly [start: number, end: number])[] {
  const places = Array.from({ length: sizeBytes / 512 - 1 }, (_, index) => (index + 1) * 512);
  return places.flatMap((at) => [[0, at] as const, [at, sizeBytes] as const]);
}

function put(
  disk: StateDisk,
  bytes: Uint8Array,
  { name, after }: { readonly name: string; readonly after: number },
): StateCut {
  writeFileSync(disk.path("cut"), bytes);
  for (const [start, end] of disk.journal) bytes.fill(0, start, end);
  return { name, after, grubHash: `${Bun.hash(bytes)}` };
}

async function journalOf(path: string): Promise<StateDisk["journal"]> {
  const stat = await command("debugfs", "-R", "stat <8>", path);
  const found = [...stat.matchAll(/\(\d+-\d+\):(\d+)-(\d+)/g)];
  return found.map(([, first, last]) => [Number(first) * 4096, (Number(last) + 1) * 4096]);
}

/** GRUB reads the disk as it lies there: it replays no journal. */
export async function grubsView(disk: StateDisk, { grubHash }: StateCut): Promise<View> {
  const known = disk.seenByGrub.get(grubHash) ?? (await lookWithGrub(disk));
  disk.seenByGrub.set(grubHash, known);
  return known;
}

async function lookWithGrub(disk: StateDisk): Promise<View> {
  const see = async (name: string): Promise<readonly [string, string]> => {
    const words = [disk.path("cut"), "cat", `(loop0)/${FOLDER}/${name}`];
    const bytes = await commandBytes("grub-fstest", ...words).catch(() => "none" as const);
    return [name, describe(disk, bytes)];
  };
  return viewOf(await Promise.all(disk.watched.map(see)), []);
}

function viewOf(seen: readonly (readonly [string, string])[], names: readonly string[]): View {
  const all = new Map(seen);
  const [active, passive] = ["active.img", "passive.img"].map((name) => all.get(name) ?? "none");
  return { seen: all, active: active ?? "none", passive: passive ?? "none", names };
}

/** Lets the kernel mount the disk of the last cut, which replays the journal. */
export async function onMounted<T>(
  disk: StateDisk,
  act: (folder: string) => T | Promise<T>,
): Promise<T> {
  const top = disk.path("mount");
  mount({ source: disk.loop, target: top, type: "ext4" });
  try {
    return await act(`${top}/${FOLDER}`);
  } finally {
    unmount(top);
  }
}

/** The kernel replays the journal. Returns what it sees after `act`. */
export function kernelsView(disk: StateDisk, act: (before: View, folder: string) => void): View {
  const top = disk.path("mount");
  mount({ source: disk.loop, target: top, type: "ext4" });
  try {
    return viewAfter(disk, `${top}/${FOLDER}`, act);
  } finally {
    unmount(top);
  }
}

function viewAfter(
  disk: StateDisk,
  folder: string,
  act: (before: View, folder: string) => void,
): View {
  const names = (): string[] => readdirSync(folder).toSorted();
  const see = (name: string): string =>
    names().includes(name) ? describe(disk, readFileSync(`${folder}/${name}`)) : "none";
  const look = (): View =>
    viewOf(
      disk.watched.map((name) => [name, see(name)] as const),
      names(),
    );
  act(look(), folder);
  return look();
}

function describe(disk: StateDisk, bytes: Uint8Array | "none"): string {
  if (bytes === "none") return bytes;
  if (bytes.byteLength < 2048) return `${bytes.byteLength} bytes`;
  const system = disk.systems.get(hashOf(bytes)) ?? `${bytes.byteLength} other bytes`;
  return `${system} ${readLabel(bytes.subarray(1024, 2048))}`;
}

/** Of all but the label and the checksum of the superblock. */
function hashOf(bytes: Uint8Array): string {
  const parts = [bytes.subarray(0, 0x478), bytes.subarray(0x488, 2044), bytes.subarray(2048)];
  return parts.map((part) => Bun.hash(part).toString(16)).join(" ");
}
