/** The steps that run the stages of users. What a stage does to the menu of GRUB is corrected afterwards. */
import { openFileSystem } from "../ext4/mount.ts";
import { defined } from "../lib/assert.ts";
import { note, recordOf } from "../machine/machine.ts";
import { rehash } from "../write/rehash.ts";
import type { Running, StepResults } from "./running.ts";
import { runChrootStage, runStage, type StageResult, type UserStage } from "./user-stages.ts";

/** Throws "unhealthy" when the configuration is strict and the stage fails. */
export async function runUserStage(
  upgrade: Running,
  stage: UserStage,
  results: StepResults,
): Promise<void> {
  const { machine, stages = { original: undefined, strict: false } } = upgrade;
  const run = { ...stages, system: machine.system, talk: upgrade.talk };
  if (stage === "after-upgrade-chroot") return runInNewRoot(upgrade, run, results);
  await noteResult(upgrade, await runStage(run, stage));
  // The stock stage arms the active system, also when only recovery was upgraded. The same record again takes that back.
  const record = recordOf(machine);
  if (stage === "after-upgrade" && record.trial === undefined) await machine.loader.commit(record);
  else await machine.loader.repair();
}

async function runInNewRoot(
  upgrade: Running,
  run: Parameters<typeof runChrootStage>[0],
  results: StepResults,
): Promise<void> {
  const { machine, target, force = false, signal, talk } = upgrade;
  const { system } = machine;
  const root = run.hostRoot ?? "";
  const present = (path: string): string | undefined =>
    system.files.exists(`${root}${path}`) ? `${root}${path}` : undefined;
  const result = await runChrootStage(run, {
    file: defined(target.stage, "stage").path,
    mountPoint: `${system.mounts.ownFolder}/new-root`,
    oem: present("/oem"),
    persistent: present("/usr/local"),
  });
  await noteResult(upgrade, result);
  if (result.outcome === "not run") return;
  const { block } = target.open({ write: true });
  try {
    const debug = (text: string): void => talk.debug(text);
    const { hashRoot, runs } = await rehash(block, { signal, debug });
    results.verified = { at: system.now().toISOString(), hashRoot, runs };
    // The stage may have made another kernel or initrd, or removed them.
    const { architecture } = system;
    const finding = machine.loader.images.inspect(openFileSystem(block), { architecture, force });
    results.written = { ...defined(results.written, "written image"), finding };
  } finally {
    block.close();
  }
}

/** A stage that does not exist on the machine is no event. */
async function noteResult(
  { machine, slot, content }: Running,
  { stage, outcome, reason = "" }: StageResult,
): Promise<void> {
  if (outcome !== "failed") return;
  const { digest } = content;
  await note(machine, { kind: "failed", slot, digest, text: `the stage ${stage}: ${reason}` });
}
