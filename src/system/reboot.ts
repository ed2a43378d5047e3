import { basename } from "node:path";
import { reasonOf, TandemError } from "../lib/error.ts";
import type { Probe } from "./probe.ts";
import type { System } from "./system.ts";

export interface RebootOptions {
  /** A bad verdict on a boot that is counted: when the service manager does not do it, the kernel does. Otherwise a refusal stands. */
  readonly force: boolean;
  /**
   * With `force`: an agreement is waited for, too, because nothing else ends this boot. Not for what runs at boot: busybox init begins with
   * nothing before its scripts have ended.
   */
  readonly wait: boolean;
  readonly tell: (text: string) => void;
  /** Fires when the shutdown has reached this process. */
  readonly signal: AbortSignal;
}

/** The part of the machine that a reboot needs. */
export interface Restartable extends Pick<System, "files" | "readLink" | "run" | "monotonicMs"> {
  readonly probe: Pick<Probe, "pause">;
  /** sync(2) */
  readonly sync: () => void;
  /** reboot(2), which tells nobody. */
  readonly restart: () => void;
}

/** Ends all services in their way, writes what they have left, and restarts the machine. */
interface ServiceManager {
  readonly name: string;
  readonly command: readonly string[];
  readonly isIt: (first: FirstProcess, exists: (path: string) => boolean) => boolean;
}

/** The first process: the name of its file, and what it was called as. */
interface FirstProcess {
  readonly program: string;
  readonly called: string;
}

/** OpenRC under busybox or sysvinit is ended by these, as their inittab tells them. */
const SERVICE_MANAGERS: readonly ServiceManager[] = [
  {
    name: "systemd",
    command: ["systemctl", "reboot"],
    // See sd_booted(3).
    isIt: ({ program }, exists) => program === "systemd" || exists("/run/systemd/system"),
  },
  {
    name: "OpenRC",
    command: ["openrc-shutdown", "--reboot", "now"],
    isIt: ({ program }) => program === "openrc-init",
  },
  {
    name: "runit",
    command: ["runit-init", "6"],
    isIt: ({ program }) => program === "runit",
  },
  {
    name: "busybox init",
    command: ["reboot"],
    // A script that busybox's shell runs as the first process listens to nobody.
    isIt: ({ program, called }) =>
      program.startsWith("busybox") && ["init", "linuxrc"].includes(called),
  },
  {
    name: "sysvinit",
    command: ["shutdown", "-r", "now"],
    isIt: ({ program }, exists) =>
      program === "init" && ["/run/initctl", "/dev/initctl"].some((path) => exists(path)),
  },
];

const ASK_SECONDS = 60;
/** What holds a restart up may end meanwhile. */
const ASK_AGAIN_SECONDS = 10;
/** Longer than services need that end well. */
const WAIT_SECONDS = 300;
/** The shutdown ends the command that has asked for it, too, which then looks like a refusal. */
const SHUTDOWN_SECONDS = 1;

/**
 * Restarts the machine through the service manager that runs, and comes back when the shutdown is under way. Where none runs (a minimal
 * system, an initramfs) the kernel does it, and without `force` only then. Throws `boot`.
 */
export async function reboot(machine: Restartable, options: RebootOptions): Promise<void> {
  const manager = managerOf(machine);
  if (manager === undefined) options.tell("No service manager runs here that could be asked");
  else if (await isTaken(machine, manager, options)) return;
  options.tell("Writing what is not on a disk yet, then the kernel restarts the machine");
  machine.sync();
  try {
    machine.restart();
  } catch (cause) {
    throw new TandemError("boot", `Cannot restart the machine: ${reasonOf(cause)}`, { cause });
  }
}

function managerOf({ files, readLink }: Restartable): ServiceManager | undefined {
  const [called = ""] = (files.readText("/proc/1/cmdline") ?? "").split(/[\0 ]/);
  const first = { program: basename(readLink("/proc/1/exe") ?? ""), called: basename(called) };
  return SERVICE_MANAGERS.find(({ isIt }) => isIt(first, (path) => files.exists(path)));
}

/** Whether the service manager carries the restart out. Throws `boot` when it does not and a refusal stands. */
async function isTaken(
  machine: Restartable,
  manager: ServiceManager,
  options: RebootOptions,
): Promise<boolean> {
  const refusal = await ask(machine, manager);
  if (refusal !== undefined) await machine.probe.pause(SHUTDOWN_SECONDS, options.signal);
  if (options.signal.aborted) return true;
  if (refusal === undefined && !(options.force && options.wait)) return true;
  if (options.force) return isEndedInTime(machine, manager, { ...options, refusal });
  machine.sync();
  throw new TandemError("boot", `Cannot restart the machine: ${refusal}`, {
    hint: "All else is done. Restart it when nothing holds it up any more.",
  });
}

/** Asks until the service manager agrees, and gives it time to end everything. This process is among what it ends. */
async function isEndedInTime(
  machine: Restartable,
  manager: ServiceManager,
  { refusal: first, signal, tell, wait }: RebootOptions & { readonly refusal: string | undefined },
): Promise<boolean> {
  const endMs = machine.monotonicMs() + WAIT_SECONDS * 1000;
  let refusal = first;
  if (refusal !== undefined) tell(`${refusal}; asking again for ${WAIT_SECONDS} s`);
  else tell(`Waiting up to ${WAIT_SECONDS} s for ${manager.name} to restart the machine`);
  for (;;) {
    const leftSeconds = (endMs - machine.monotonicMs()) / 1000;
    if (leftSeconds <= 0) break;
    const seconds = refusal === undefined ? leftSeconds : Math.min(ASK_AGAIN_SECONDS, leftSeconds);
    await machine.probe.pause(seconds, signal);
    if (signal.aborted) return true;
    if (refusal === undefined) continue;
    refusal = await ask(machine, manager);
    if (refusal === undefined && !wait) return true;
  }
  tell(`${manager.name} has not restarted the machine within ${WAIT_SECONDS} s`);
  return false;
}

/** Why it will not restart the machine; undefined: it will. */
async function ask(
  { run }: Restartable,
  { name, command }: ServiceManager,
): Promise<string | undefined> {
  const asked = `${name} was asked (${command.join(" ")}) and`;
  try {
    const { status, stdout, stderr } = await run(command, { deadlineSeconds: ASK_SECONDS });
    if (status === 0) return undefined;
    const said = `${stdout}${stderr}`.trim().split("\n").join(", ");
    if (status === undefined) return `${asked} did not answer within ${ASK_SECONDS} s`;
    return `${asked} refused with status ${status}${said === "" ? "" : `: ${said}`}`;
  } catch (error) {
    return `${asked} cannot be reached: ${reasonOf(error)}`;
  }
}
