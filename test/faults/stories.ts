/** The verbs that trials run, each with its initial disk and the parts that it may change. */
import { readdirSync, readFileSync } from "node:fs";
import { PagedImage } from "../fakes/paged-image.ts";
import { controlOn } from "../power-cut/judge.ts";
import { holdsSystem, judgeTrial, type Slot, type Snapshot } from "./judge.ts";
import type { Point, World } from "./world.ts";

export interface Story {
  readonly name: string;
  readonly point: Point;
  /** `disk` is the only file in its folder. */
  readonly args: (world: World, disk: string) => readonly string[];
  /** The slots that the verb may write. */
  readonly writes: readonly Slot[];
  /** Whether the verb runs in slot b of the machine's own disk, a loop device. */
  readonly booted?: true;
  /** Whether network calls fail. */
  readonly network?: true;
  /** The result that status 0 promises, besides a bootable disk. */
  readonly promises?: (world: World, after: Snapshot, disk: string) => string[];
}

const targetOf = (disk: string): string => disk.replace("disk.img", "target.img");

export const STORIES: readonly Story[] = [
  {
    name: "upgrade",
    point: "installed",
    args: (world, disk) => ["upgrade", "--disk", disk, "--source", world.source("2")],
    writes: ["b"],
    promises: (world, after) => judgeTrial(world, after, "2"),
  },
  {
    name: "upgrade over a pending trial, from an archive",
    point: "armed",
    args: (world, disk) => ["upgrade", "--disk", disk, "--source", world.source("3", "archive")],
    writes: ["b"],
    promises: (world, after) => judgeTrial(world, after, "3"),
  },
  {
    name: "upgrade from a registry",
    point: "installed",
    args: (world, disk) => ["upgrade", "--disk", disk, "--source", world.source("2", "registry")],
    writes: ["b"],
    network: true,
    promises: (world, after) => judgeTrial(world, after, "2"),
  },
  {
    name: "write",
    point: "installed",
    args: (world, disk) => ["write", world.source("2"), targetOf(disk), "--size", "8MiB"],
    writes: [],
    promises: (_, __, disk) => {
      const file = PagedImage.of(readFileSync(targetOf(disk))).file();
      return holdsSystem(file, "2") ? [] : ["the target does not hold the system"];
    },
  },
  {
    name: "verify",
    point: "armed",
    args: (_, disk) => ["verify", "b", "--disk", disk],
    writes: [],
  },
  { name: "status", point: "armed", args: (_, disk) => ["status", "--disk", disk], writes: [] },
  {
    name: "doctor",
    point: "armed",
    args: (_, disk) => ["doctor", "--verify", "--disk", disk],
    writes: [],
  },
  {
    name: "doctor --fix",
    point: "armed",
    args: (_, disk) => ["doctor", "--fix", "--disk", disk],
    writes: [],
  },
  {
    name: "rollback of a trial",
    point: "armed",
    args: (_, disk) => ["rollback", "--disk", disk],
    writes: [],
    promises: (_, after) => expectRecord(after, { good: "a", trial: undefined }),
  },
  {
    name: "rollback to the old system",
    point: "upgraded",
    args: (_, disk) => ["rollback", "--disk", disk],
    writes: [],
    promises: (_, after) => expectRecord(after, { good: "b", trial: "a" }),
  },
  {
    name: "mark bad",
    point: "armed",
    args: (_, disk) => ["mark", "bad", "b", "--disk", disk],
    writes: [],
    promises: (_, after) => expectRecord(after, { good: "a", trial: undefined }),
  },
  {
    name: "mark good",
    point: "armed",
    args: (_, disk) => ["mark", "good", "--disk", disk],
    writes: [],
    booted: true,
    promises: (_, after) => expectRecord(after, { good: "b", trial: undefined }),
  },
  {
    name: "health",
    point: "armed",
    args: (_, disk) => ["health", "--disk", disk],
    writes: [],
    booted: true,
    promises: (_, after) => expectRecord(after, { good: "b", trial: undefined }),
  },
];

function expectRecord(
  after: Snapshot,
  want: { readonly good: Slot; readonly trial: Slot | undefined },
): string[] {
  const { record } = controlOn(after.disk()).loaderData;
  const isRight = record?.good === want.good && record.trial === want.trial;
  return isRight ? [] : [`status 0, but the record is ${JSON.stringify(record)}`];
}

/** The files of the machine that a run depends on. */
export function filesOf(world: World, disk: string): string[] {
  const layout = world.folder.in("layout");
  const blobs = `${layout}/blobs/sha256`;
  return [
    disk,
    targetOf(disk),
    world.folder.in("archive.tar"),
    `${layout}/oci-layout`,
    `${layout}/index.json`,
    ...readdirSync(blobs).map((name) => `${blobs}/${name}`),
    "/proc/cmdline",
    "/proc/self/mountinfo",
  ];
}
