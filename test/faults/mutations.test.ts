/**
 * Damages disks. Each verb must report the damage in its own message, and the disk must be repairable as long as
 * something is left.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { readCopy } from "../../src/disk/gpt.ts";
import { command } from "../peers/command.ts";
import { changed, judgeRun, judgeTrial, Snapshot } from "./judge.ts";
import { mutate, type Mutation, type Damage, TARGETS, type Target } from "./mutate.ts";
import { SEED, SOAK } from "./random.ts";
import { writeSparse } from "./sparse-file.ts";
import { type Run, runPlain } from "./strace.ts";
import { LOADER_NAMES } from "../fakes/loader-models.ts";
import { makeWorld, type World } from "./world.ts";

setDefaultTimeout(4 * 3_600_000);
const COUNT = Number(process.env["TANDEM_MUTATIONS"] ?? (SOAK ? 500 : 40));

/** Verbs that only read. */
const LOOKS = [["status"], ["doctor", "--verify"], ["verify", "a"], ["verify", "b"]] as const;

type End = "went on" | "went on after doctor --fix" | "refused";

interface Verdict {
  readonly end: End;
  readonly wrong: readonly string[];
}

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test.each(TARGETS)(`${COUNT} mutations of %s (TANDEM_SEED=${SEED})`, async (target) => {
  const ends = new Map<End, number>();
  const wrong: string[] = [];
  for (let index = 0; index < COUNT; index += 1) {
    const verdict = await tryOut({ target, index });
    ends.set(verdict.end, (ends.get(verdict.end) ?? 0) + 1);
    wrong.push(...verdict.wrong);
  }
  console.log(`${target}: ${[...ends].map(([end, count]) => `${count} ${end}`).join(", ")}`);
  console.log(`count: mutations ${COUNT}`);
  expect(wrong).toEqual([]);
});

async function tryOut(mutation: Mutation): Promise<Verdict> {
  const loader = LOADER_NAMES[mutation.index % LOADER_NAMES.length] ?? "grub";
  const path = world.disk("armed", loader);
  try {
    const damage = mutate(new Snapshot(path).bytes, mutation);
    writeSparse(path, damage.bytes);
    const { end, wrong } = await judgeDamaged(path, mutation.target, damage);
    return { end, wrong: wrong.map((what) => `${damage.what} (${loader}): ${what}`) };
  } finally {
    rmSync(dirname(path), { recursive: true });
  }
}

async function judgeDamaged(path: string, target: Target, damage: Damage): Promise<Verdict> {
  const before = new Snapshot(path);
  const wrong: string[] = [];
  const note = (verb: string, found: readonly string[]): void => {
    wrong.push(...found.map((what) => `${verb}: ${what}`));
  };
  for (const [verb, ...more] of LOOKS) {
    const run = await runPlain(verb, ...more, "--disk", path);
    note(`${verb} ${more.join(" ")}`, judgeRun(run));
  }
  let end: End = "went on";
  let run = await upgrade(path);
  note("upgrade", judgeRun(run));
  if (run.status !== 0) {
    end = "went on after doctor --fix";
    note("doctor --fix", judgeRun(await runPlain("doctor", "--fix", "--disk", path)));
    run = await upgrade(path);
    note("upgrade after doctor --fix", judgeRun(run));
  }
  const after = new Snapshot(path);
  note("the end", changed(before, after, ["a"]));
  if (run.status === 0) {
    note("the end", judgeTrial(world, after, "3"));
    if (target === "gpt" && !damage.truncated) note("the table", await judgeTable(path));
    return { end, wrong };
  }
  if (mustGoOn(target, before, damage))
    note("upgrade after doctor --fix", [`${run.status}: ${run.stderr.slice(-300)}`]);
  return { end: "refused", wrong };
}

/**
 * Damage that cannot be repaired, which tandem only has to report: a disk without its end or its tables, an ESP without
 * its loader.
 */
function mustGoOn(target: Target, before: Snapshot, { truncated }: Damage): boolean {
  return !truncated && target !== "fat" && (target !== "gpt" || hasTable(before));
}

function hasTable(snapshot: Snapshot): boolean {
  return (["primary", "backup"] as const).some(
    (copy) => "table" in readCopy(snapshot.disk(), copy),
  );
}

/** Checks a repaired partition table. */
async function judgeTable(path: string): Promise<string[]> {
  const repair = await runPlain("doctor", "--fix", "--disk", path);
  const report = await command("sgdisk", "--verify", path);
  return [
    ...judgeRun(repair),
    ...(report.includes("No problems found")
      ? []
      : [`sgdisk finds fault: ${report.slice(0, 600)}`]),
  ];
}

function upgrade(path: string): Promise<Run> {
  return runPlain("upgrade", "--disk", path, "--source", world.source("3"));
}
