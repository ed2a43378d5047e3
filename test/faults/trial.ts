/** Runs a verb with one fault, and checks the run, the disk after it, and the next upgrade. */
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { bootFrom, type Booted } from "./booted.ts";
import { changed, goodSlot, judgeBoots, judgeRun, judgeTrial, Snapshot } from "./judge.ts";
import { filesOf, type Story } from "./stories.ts";
import { type Call, CALLS, injectionsOf, NETWORK_CALLS } from "./calls.ts";
import {
  countCalls,
  type InjectedRun,
  type Injection,
  type Run,
  runInjected,
  runPlain,
  type Traced,
} from "./strace.ts";
import type { World } from "./world.ts";

export interface Trial {
  readonly story: Story;
  readonly loader: LoaderName;
  readonly call: Call;
  readonly injection: Injection;
}

export interface Outcome {
  /** Whether the fault happened. Threads share the work differently each time. */
  readonly hit: boolean;
  readonly status: number;
  /** The faults that the checks have found. */
  readonly wrong: readonly string[];
}

export function nameOf({ story, loader, injection }: Trial): string {
  const { call, kind, when } = injection;
  return `${story.name} (${loader}): ${call} ${kind} when=${when}`;
}

/** Returns all injections for the calls of a successful run of `story`. */
export async function faultsOf(
  world: World,
  { story, loader }: Pick<Trial, "story" | "loader">,
): Promise<Trial[]> {
  const calls = story.network ? NETWORK_CALLS : CALLS;
  const trials: Trial[] = [];
  // Without a filter for files strace also counts the calls of the runtime.
  for (const everywhere of [false, true]) {
    const some = calls.filter((call) => (call.everywhere ?? false) === everywhere);
    if (some.length === 0) continue;
    await using place = await makePlace(world, story, loader);
    const traced = { ...place.traced, paths: everywhere ? [] : place.traced.paths };
    const names = some.map(({ name }) => name);
    const { run, counts } = await countCalls(story.args(world, place.disk), names, traced);
    if (run.status !== 0) throw new Error(`${story.name} fails by itself: ${run.stderr}`);
    for (const call of some)
      for (const injection of injectionsOf(call, counts.get(call.name) ?? 0))
        trials.push({ story, loader, call, injection });
  }
  return trials;
}

export async function runTrial(world: World, trial: Trial): Promise<Outcome> {
  const { story, loader, call, injection } = trial;
  const place = await makePlace(world, story, loader);
  const before = new Snapshot(place.path);
  const traced = { ...place.traced, paths: call.everywhere ? [] : place.traced.paths };
  let run: InjectedRun;
  try {
    run = await runInjected(story.args(world, place.disk), injection, traced);
  } finally {
    await place[Symbol.asyncDispose]();
  }
  try {
    const wrong = run.hit ? await judgeAll(world, { trial, before, run, path: place.path }) : [];
    return { hit: run.hit, status: run.status, wrong };
  } finally {
    rmSync(dirname(place.path), { recursive: true });
  }
}

interface Ended {
  readonly trial: Trial;
  readonly before: Snapshot;
  readonly run: InjectedRun;
  readonly path: string;
}

async function judgeAll(world: World, { trial, before, run, path }: Ended): Promise<string[]> {
  const { story, loader } = trial;
  const after = new Snapshot(path);
  const kept = (["a", "b"] as const).filter((slot) => !story.writes.includes(slot));
  return [
    ...(isSwallowed(trial, run) ? ["the failure is swallowed: status 0"] : []),
    ...judgeRun(run, run.killedBy),
    ...changed(before, after, kept),
    ...(await judgeBoots({ world, loader, before }, after)),
    ...(run.status === 0 ? (story.promises?.(world, after, path) ?? []) : []),
    ...(await judgeNext(world, path, after)),
  ];
}

function isSwallowed({ call, injection: { kind } }: Trial, { status }: Run): boolean {
  const fails = kind.startsWith("error=") && kind !== "error=EINTR";
  return call.fatal === true && fails && status === 0;
}

/** Checks that the next upgrade without a fault succeeds and does not change the good slot. */
export async function judgeNext(world: World, path: string, now: Snapshot): Promise<string[]> {
  const good = await goodSlot(now);
  const run = await runPlain("upgrade", "--disk", path, "--source", world.source("3"));
  if (run.status !== 0) return [`the next upgrade fails: ${run.status} ${run.stderr.slice(-300)}`];
  const after = new Snapshot(path);
  // The image may already be on trial or good.
  return [
    ...judgeTrial(world, after, "3"),
    ...(good === undefined ? ["no slot was good"] : changed(now, after, [good])),
  ];
}

interface Place extends AsyncDisposable {
  readonly path: string;
  /** The argument for --disk. */
  readonly disk: string;
  readonly traced: Traced;
}

async function makePlace(world: World, story: Story, loader: LoaderName): Promise<Place> {
  const path = world.disk(story.point, loader);
  const log = `${dirname(path)}/strace.log`;
  const booted: Booted | undefined = story.booted ? await bootFrom(path, loader) : undefined;
  return {
    path,
    disk: booted?.disk ?? path,
    traced: {
      paths: [...filesOf(world, path), ...(booted?.nodes ?? [])],
      log,
      wrapper: booted?.wrapper,
    },
    async [Symbol.asyncDispose]() {
      await booted?.[Symbol.asyncDispose]();
    },
  };
}
