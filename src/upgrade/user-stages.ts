/**
 * The stages of Kairos that users hook into an upgrade. Kairos' own program runs them: it knows their language. Whatever
 * a stage does, tandem arms the new system itself afterwards.
 */
import { basename } from "node:path";
import { reasonOf, TandemError } from "../lib/error.ts";
import type { Talk } from "../lib/talk.ts";
import { insideRoot } from "../system/inside-root.ts";
import type { CommandResult, System } from "../system/system.ts";

/** Before anything is written, in the root of the new system, and after the new system has taken its place. */
export const USER_STAGES = ["before-upgrade", "after-upgrade-chroot", "after-upgrade"] as const;
export type UserStage = (typeof USER_STAGES)[number];

/** Stages may pull container images. Longer than that is a program that hangs. */
const DEADLINE_SECONDS = 1800;
/**
 * What the program says when a step has failed and it ends with status 0 all the same. The list of errors follows. Its
 * option --strict gives another status, but then also for words on the kernel command line that are no configuration.
 */
const IGNORED = "Some errors found but were ignored";
/** Enough to see what has failed, and small enough to be stored in the state. */
const REASON_CHARACTERS_MAX = 400;
/** Where images have Kairos' program: the first asks which of its parts is meant. */
const IN_IMAGE = ["/usr/bin/kairos", "/usr/bin/kairos-agent"] as const;
/** What the stages in the new root need of the running system. */
const SHOWN = ["/dev", "/proc", "/sys"] as const;

export interface StageRun {
  readonly system: Pick<System, "run" | "mounts" | "mounted" | "isExecutable" | "readLink">;
  readonly talk: Talk;
  /** Kairos' own program on this machine. Undefined when there is none that is not tandem. */
  readonly original: string | undefined;
  /** Where a container sees the root of this machine: "/host". The original lies there, and its stages run there. */
  readonly hostRoot?: string | undefined;
  /** The key `strict` of Kairos' configuration: a stage that fails, or cannot be run, ends the upgrade. */
  readonly strict: boolean;
}

/** The new system, of which nobody else has anything mounted or open. */
export interface NewRoot {
  /** The image file, with an ext4. */
  readonly file: string;
  /** Where it is mounted for the time of the stage: a path that nobody else uses. */
  readonly mountPoint: string;
  /** The folders that the stages see as /oem and /usr/local. Undefined for what is not mounted. */
  readonly oem: string | undefined;
  readonly persistent: string | undefined;
}

/** What became of a stage, to be recorded. */
export interface StageResult {
  readonly stage: UserStage;
  readonly outcome: "done" | "not run" | "failed";
  /** Why it was not run, or how it failed. */
  readonly reason?: string;
}

/** Runs a stage of the running system. Throws "unhealthy" when it fails and the configuration is strict. */
export async function runStage(
  run: StageRun,
  stage: Exclude<UserStage, "after-upgrade-chroot">,
): Promise<StageResult> {
  const { original, hostRoot } = run;
  if (original === undefined)
    return ended(run, { stage, outcome: "not run", reason: "this machine has no kairos-agent" });
  const enter = hostRoot === undefined ? [] : ["chroot", hostRoot];
  return perform(run, stage, [...enter, ...programOf(original)]);
}

/**
 * Runs the stage of the new system in its root, which is mounted for that time. When this returns, the image file is
 * not mounted any more. It has changed, and rehash() must read it back, unless the outcome is "not run". Throws "disk"
 * when it cannot be mounted or unmounted, and "unhealthy" when the stage fails and the configuration is strict.
 */
export async function runChrootStage(run: StageRun, root: NewRoot): Promise<StageResult> {
  const stage = "after-upgrade-chroot";
  const program = findProgram(run, root);
  if (program === undefined)
    return ended(run, { stage, outcome: "not run", reason: "the image has no kairos-agent" });
  const { mounts, mounted } = run.system;
  const unmount = mounts.mountFile(root.file, root.mountPoint, { type: "ext4", isReadOnly: false });
  try {
    const hide = showFolders(run, root);
    try {
      return await perform(run, stage, ["chroot", root.mountPoint, ...programOf(program)]);
    } finally {
      hide();
    }
  } finally {
    try {
      mounted.flush(root.mountPoint);
    } finally {
      unmount();
    }
  }
}

/** Looks without changing the file system. */
function findProgram(run: StageRun, root: NewRoot): string | undefined {
  const { mounts, isExecutable } = run.system;
  const unmount = mounts.mountFile(root.file, root.mountPoint, { type: "ext4", isReadOnly: true });
  try {
    return IN_IMAGE.find((path) => isExecutable(inside(run, root, path)));
  } finally {
    unmount();
  }
}

/** Shows folders of the running system in the new root. Returns a function that ends that. */
function showFolders(run: StageRun, root: NewRoot): () => void {
  const { mounts } = run.system;
  const ends: (() => void)[] = [];
  const hide = (): void => {
    const end = ends.pop();
    if (end === undefined) return;
    try {
      end();
    } finally {
      hide();
    }
  };
  const pairs = [
    ...SHOWN.map((path) => [path, path] as const),
    ["/oem", root.oem] as const,
    ["/usr/local", root.persistent] as const,
  ];
  try {
    for (const [path, from] of pairs)
      if (from !== undefined) ends.push(mounts.bind(from, inside(run, root, path)));
  } catch (error) {
    hide();
    throw error;
  }
  return hide;
}

/** The image must not lead out of itself by its symlinks. */
function inside({ system }: StageRun, { mountPoint }: NewRoot, path: string): string {
  return insideRoot(system, mountPoint, path);
}

function programOf(path: string): readonly string[] {
  return basename(path) === "kairos" ? [path, "agent"] : [path];
}

/** Each step of a stage is performed, also after one that has failed. */
async function perform(
  run: StageRun,
  stage: UserStage,
  program: readonly string[],
): Promise<StageResult> {
  const { system, talk, strict } = run;
  talk.progress({ step: `Running the stage ${stage}` });
  const command = [...program, "run-stage", ...(strict ? ["--strict"] : []), stage];
  talk.debug(`Running ${command.join(" ")}`);
  let result: CommandResult;
  try {
    result = await system.run(command, { deadlineSeconds: DEADLINE_SECONDS });
  } catch (error) {
    return ended(run, { stage, outcome: "failed", reason: reasonOf(error) });
  }
  const lines = linesOf(result);
  for (const line of lines) talk.debug(`${stage}: ${line}`);
  const reason = failureIn(result.status, lines);
  return reason === undefined
    ? { stage, outcome: "done" }
    : ended(run, { stage, outcome: "failed", reason });
}

/** The program writes colours also where nobody looks at them. */
function linesOf({ stdout, stderr }: CommandResult): string[] {
  return Bun.stripANSI(`${stdout}\n${stderr}`)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** How a stage has failed. Undefined when it has not. */
function failureIn(status: number | undefined, lines: readonly string[]): string | undefined {
  if (status === undefined) return `it ran longer than ${DEADLINE_SECONDS} seconds`;
  const ignored = lines.findIndex((line) => line.includes(IGNORED));
  if (status === 0 && ignored === -1) return undefined;
  const said = status === 0 ? lines.slice(ignored + 1) : lines.slice(-1);
  const how = status === 0 ? "it ignored errors" : `status ${status}`;
  const text = said.join(" ").slice(0, REASON_CHARACTERS_MAX);
  return text === "" ? how : `${how}: ${text}`;
}

/** The end of a stage that was not performed as a whole. */
function ended({ talk, strict }: StageRun, result: StageResult & { reason: string }): StageResult {
  const { stage, outcome, reason } = result;
  const text = outcome === "failed" ? "failed" : "was not run";
  if (strict)
    throw new TandemError("unhealthy", `Cannot go on after the stage ${stage} ${text}: ${reason}`, {
      hint: "The configuration has strict: true, which makes this the end of the upgrade.",
    });
  talk.warn(`The stage ${stage} ${text}: ${reason}, continuing`);
  return result;
}
