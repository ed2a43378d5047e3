import { reasonOf, TandemError } from "../lib/error.ts";
import { chooseLayout, openLayout } from "../slot/layouts.ts";
import type { Machine } from "../machine/machine.ts";
import { isNewDisk } from "../machine/new-disk.ts";
import { type MachineOptions, openMachine } from "../machine/open-machine.ts";
import type { Work } from "../machine/open-source.ts";
import { checkEsp } from "./esp.ts";
import { about, type Finding, type Repair } from "../lib/finding.ts";
import { lookIntoSlots } from "./held.ts";
import { checkLeftovers } from "./leftovers.ts";
import { checkRecord } from "./record.ts";
import { checkSlots, type Roots, verifySlots } from "./slots.ts";
import { checkSpecs } from "./specs.ts";
import { checkState } from "./state.ts";
import { checkClock, checkHooks, checkRoom } from "./surroundings.ts";

export interface DoctorWishes {
  /** Repair what can be repaired. Without it nothing is written. */
  readonly fix: boolean;
  /** Read all of each slot. */
  readonly verify: boolean;
}

export interface Diagnosis {
  readonly disk: string;
  readonly findings: readonly Omit<Finding, "repair">[];
  /** What was repaired, in this order. */
  readonly repaired: readonly string[];
  /** What could not be repaired, and why. */
  readonly failed: readonly string[];
}

/** Looks at everything that has to be right for one of the slots to boot. Throws `disk` when there is no telling which disk is meant. */
export async function doctor(
  work: Work,
  options: MachineOptions,
  wishes: DoctorWishes,
): Promise<Diagnosis> {
  const disk = options.disk ?? openLayout(work.system, options).diskPath;
  if (wishes.fix) work.talk.progress({ step: `Waiting for the lock on ${disk}` });
  const lock = wishes.fix ? await work.system.lock(disk) : undefined;
  const opened: Machine[] = [];
  const visit = { work, options: { ...options, disk }, wishes, opened, roots: new Map() };
  try {
    return { disk, ...(await cure(work, wishes, () => examineDisk(visit))) };
  } finally {
    for (const machine of opened) machine.close();
    lock?.release();
  }
}

/** Examines, performs the first repair that was not tried, and begins again, since one repair may be what the next one goes by. */
export async function cure(
  { talk }: Pick<Work, "talk">,
  { fix }: Pick<DoctorWishes, "fix">,
  examine: () => Promise<Finding[]>,
): Promise<Omit<Diagnosis, "disk">> {
  const outcomes = new Map<string, string | undefined>();
  for (;;) {
    const findings = await examine();
    const repair = findings.find(({ repair: one }) => one !== undefined && !outcomes.has(one.what));
    if (!fix || repair?.repair === undefined)
      return { findings: plain(findings), ...told(outcomes) };
    const { what } = repair.repair;
    talk.info(`Repair ${outcomes.size + 1}: ${what}`);
    outcomes.set(what, await failureOf(repair.repair));
  }
}

/** Undefined: it worked. */
async function failureOf(repair: Repair): Promise<string | undefined> {
  try {
    await repair.run();
    return undefined;
  } catch (error) {
    if (error instanceof TandemError && error.code !== "interrupted") return reasonOf(error);
    throw error;
  }
}

function told(
  outcomes: ReadonlyMap<string, string | undefined>,
): Pick<Diagnosis, "repaired" | "failed"> {
  const all = [...outcomes];
  return {
    repaired: all.filter(([, failure]) => failure === undefined).map(([what]) => what),
    failed: all.flatMap(([what, failure]) =>
      failure === undefined ? [] : [`${what}: ${failure}`],
    ),
  };
}

function plain(findings: readonly Finding[]): Diagnosis["findings"] {
  return findings.map(({ subject, verdict, text, advice, code }) =>
    advice === undefined
      ? { subject, verdict, text, code }
      : { subject, verdict, text, advice, code },
  );
}

/** Everything but the disk's layout, in the order of repair: what a repair goes by comes before it. */
export function examineMachine(machine: Machine): Finding[] {
  if (isNewDisk(machine)) return [...checkEsp(machine), checkNew(machine), checkClock(machine)];
  const held = lookIntoSlots(machine);
  const leftovers = checkLeftovers(machine, held);
  if (leftovers !== undefined) return [...checkEsp(machine), leftovers, checkClock(machine)];
  return [
    ...machine.loader.examineRecord(),
    checkState(machine, held),
    ...checkSlots(machine, held),
    ...checkSpecs(machine, held),
    ...checkEsp(machine),
    checkRecord(machine, held),
    checkRoom(machine),
    checkHooks(machine),
    checkClock(machine),
  ];
}

function checkNew({ diskPath }: Machine): Finding {
  return about("system", "disk").warn("no system was installed on the disk yet", {
    advice: `Run tandem upgrade --disk ${diskPath} --source IMAGE.`,
  });
}

interface Visit {
  readonly work: Work;
  readonly options: MachineOptions & { readonly disk: string };
  readonly wishes: DoctorWishes;
  /** To be closed at the end: repairs need the machine that they were found on. */
  readonly opened: Machine[];
  readonly roots: Roots;
}

async function examineDisk(visit: Visit): Promise<Finding[]> {
  const { work, options } = visit;
  const layout = chooseLayout(work.system, options);
  const table = layout.examine(work.system, options.disk);
  if (table.some(({ verdict, repair }) => verdict === "bad" && repair === undefined)) return table;
  const opened = found(layout.name, "disk", () => layout.open(work.system, options));
  if ("finding" in opened) return [...table, opened.finding];
  const seen = [...table, about(layout.name, "disk").ok(opened.value.description)];
  return [...seen, ...(await examineOpened(visit))];
}

async function examineOpened(visit: Visit): Promise<Finding[]> {
  const { work, options, wishes } = visit;
  const access = { ...options, write: wishes.fix };
  const machine = found("boot loader", "boot", () => openMachine(work.system, access));
  if ("finding" in machine) return [machine.finding];
  const { value } = machine;
  visit.opened.push(value);
  return [
    about("boot loader", "boot").ok(`${value.loader.name} (${value.loaderSeen})`),
    // Nothing is to be made from what is in a slot that has changed.
    ...(wishes.verify ? await verifySlots(work, value, visit.roots) : []),
    ...examineMachine(value),
  ];
}

function found<T>(
  subject: string,
  code: Finding["code"],
  open: () => T,
): { readonly value: T } | { readonly finding: Finding } {
  try {
    return { value: open() };
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    const advice = error.hint ?? "See README.md on how a disk is laid out.";
    return {
      finding: about(subject, error.code === "disk" ? "disk" : code).bad(reasonOf(error), {
        advice,
      }),
    };
  }
}
