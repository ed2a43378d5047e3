import { reasonOf, TandemError } from "../lib/error.ts";
import { chooseLayout, openLayout } from "../slot/layouts.ts";
import type { Machine } from "../machine/machine.ts";
import { isNewDisk } from "../machine/new-disk.ts";
import { type MachineOptions, openMachine } from "../machine/open-machine.ts";
import type { Work } from "../machine/open-source.ts";
import { checkEsp } from "./esp.ts";
import { about, type Finding, type Repair } from "../lib/finding.ts";
import { readContents } from "./contents.ts";
import { checkLeftovers } from "./leftovers.ts";
import { checkRecord } from "./record.ts";
import { checkSlots, type Roots, verifySlots } from "./slots.ts";
import { checkSpecs } from "./specs.ts";
import { checkState } from "./state.ts";
import { checkClock, checkHooks, checkRoom } from "./surroundings.ts";

export interface DoctorOptions {
  /** Repair what can be repaired. Without it nothing is written. */
  readonly fix: boolean;
  /** Read all of each slot and compare it with what was written. */
  readonly verify: boolean;
}

export interface Diagnosis {
  readonly disk: string;
  readonly findings: readonly Omit<Finding, "repair">[];
  /** What was repaired, in the order of the repairs. */
  readonly repaired: readonly string[];
  /** What could not be repaired, and why. */
  readonly failed: readonly string[];
}

/** Examines everything that a slot needs to boot. Throws `disk` when no disk is named and the machine runs from none of tandem's. */
export async function doctor(
  work: Work,
  options: MachineOptions,
  request: DoctorOptions,
): Promise<Diagnosis> {
  const disk = options.disk ?? openLayout(work.system, options).diskPath;
  if (request.fix) work.talk.progress({ step: `Waiting for the lock on ${disk}` });
  const lock = request.fix ? await work.system.lock(disk) : undefined;
  const opened: Machine[] = [];
  const examination = { work, options: { ...options, disk }, request, opened, roots: new Map() };
  try {
    return { disk, ...(await examineAndRepair(work, request, () => examineDisk(examination))) };
  } finally {
    for (const machine of opened) machine.close();
    lock?.release();
  }
}

/** Examines, performs the first repair that was not tried yet, and begins again: a repair may depend on an earlier one. */
export async function examineAndRepair(
  { talk }: Pick<Work, "talk">,
  { fix }: Pick<DoctorOptions, "fix">,
  examine: () => Promise<Finding[]>,
): Promise<Omit<Diagnosis, "disk">> {
  const outcomes = new Map<string, string | undefined>();
  for (;;) {
    const findings = await examine();
    const repair = findings.find(({ repair: one }) => one !== undefined && !outcomes.has(one.what));
    if (!fix || repair?.repair === undefined)
      return { findings: withoutRepairs(findings), ...summaryOf(outcomes) };
    const { what } = repair.repair;
    talk.info(`Repair ${outcomes.size + 1}: ${what}`);
    outcomes.set(what, await failureOf(repair.repair));
  }
}

/** Why the repair failed; undefined: it did not. */
async function failureOf(repair: Repair): Promise<string | undefined> {
  try {
    await repair.run();
    return undefined;
  } catch (error) {
    if (error instanceof TandemError && error.code !== "interrupted") return reasonOf(error);
    throw error;
  }
}

function summaryOf(
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

function withoutRepairs(findings: readonly Finding[]): Diagnosis["findings"] {
  return findings.map(({ subject, verdict, text, advice, code }) =>
    advice === undefined
      ? { subject, verdict, text, code }
      : { subject, verdict, text, advice, code },
  );
}

/** The findings about everything but the disk's layout, in the order of repair: what a repair depends on comes before it. */
export function examineMachine(machine: Machine): Finding[] {
  if (isNewDisk(machine)) return [...checkEsp(machine), checkNew(machine), checkClock(machine)];
  const contents = readContents(machine);
  const leftovers = checkLeftovers(machine, contents);
  if (leftovers !== undefined) return [...checkEsp(machine), leftovers, checkClock(machine)];
  return [
    ...machine.loader.examineRecord(),
    checkState(machine, contents),
    ...checkSlots(machine, contents),
    ...checkSpecs(machine, contents),
    ...checkEsp(machine),
    checkRecord(machine, contents),
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

interface Examination {
  readonly work: Work;
  readonly options: MachineOptions & { readonly disk: string };
  readonly request: DoctorOptions;
  /** They stay open to the end: a repair works on the machine on which it was found. */
  readonly opened: Machine[];
  readonly roots: Roots;
}

async function examineDisk(examination: Examination): Promise<Finding[]> {
  const { work, options } = examination;
  const layout = chooseLayout(work.system, options);
  const layoutFindings = layout.examine(work.system, options.disk);
  if (layoutFindings.some(({ verdict, repair }) => verdict === "bad" && repair === undefined))
    return layoutFindings;
  const opened = attempt(layout.name, "disk", () => layout.open(work.system, options));
  if ("finding" in opened) return [...layoutFindings, opened.finding];
  const seen = [...layoutFindings, about(layout.name, "disk").ok(opened.value.description)];
  return [...seen, ...(await examineOpened(examination))];
}

async function examineOpened(examination: Examination): Promise<Finding[]> {
  const { work, options, request } = examination;
  const access = { ...options, write: request.fix };
  const machine = attempt("boot loader", "boot", () => openMachine(work.system, access));
  if ("finding" in machine) return [machine.finding];
  const { value } = machine;
  examination.opened.push(value);
  return [
    about("boot loader", "boot").ok(`${value.loader.name} (${value.loaderSeen})`),
    // First of all: no repair may use a slot whose bytes have changed.
    ...(request.verify ? await verifySlots(work, value, examination.roots) : []),
    ...examineMachine(value),
  ];
}

function attempt<T>(
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
