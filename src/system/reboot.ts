import { basename } from "node:path";
import { reasonOf, TandemError } from "../lib/error.ts";
import type { Probe } from "./probe.ts";
import type { System } from "./system.ts";

export interface RebootOptions {
  /**
   * If the service manager does not restart the machine, let the kernel do it: for a bad verdict on a counted boot.
   * Without `force` the refusal is an error.
   */
  readonly force: boolean;
  /**
   * Only with `force`: after the service manager has agreed, wait until it really restarts the machine. Do not set it
   * for a command that runs at boot, because busybox init starts the shutdown only after its boot scripts have ended.
   */
  readonly wait: boolean;
  readonly report: (text: string) => void;
  /** Fires when the shutdown ends this process. */
  readonly signal: AbortSignal;
}

/** The part of the machine that a reboot needs. */
export interface Restartable extends Pick<System, "files" | "readLink" | "run" | "monotonicMs"> {
  readonly probe: Pick<Probe, "pause">;
  /** sync(2) */
  readonly sync: () => void;
  /** reboot(2), which restarts at once and ends no service. */
  readonly restart: () => void;
}

/** A program that stops all services in order, flushes file systems, and restarts the machine. */
interface ServiceManager {
  readonly name: string;
  readonly command: readonly string[];
  readonly isRunning: (first: FirstProcess, exists: (path: string) => boolean) => boolean;
}

/** Process 1: the name of its executable file, and the name in its argv[0]. */
interface FirstProcess {
  readonly program: string;
  readonly calledAs: string;
}

/** Where OpenRC runs under busybox init or sysvinit, their inittab makes them stop it: they are the ones to ask. */
const SERVICE_MANAGERS: readonly ServiceManager[] = [
  {
    name: "systemd",
    command: ["systemctl", "reboot"],
    // See sd_booted(3).
    isRunning: ({ program }, exists) => program === "systemd" || exists("/run/systemd/system"),
  },
  {
    name: "OpenRC",
    command: ["openrc-shutdown", "--reboot", "now"],
    isRunning: ({ program }) => program === "openrc-init",
  },
  {
    name: "runit",
    command: ["runit-init", "6"],
    isRunning: ({ program }) => program === "runit",
  },
  {
    name: "busybox init",
    command: ["reboot"],
    // A script that busybox's shell runs as process 1 does not react to `reboot`.
    isRunning: ({ program, calledAs }) =>
      program.startsWith("busybox") && ["init", "linuxrc"].includes(calledAs),
  },
  {
    name: "sysvinit",
    command: ["shutdown", "-r", "now"],
    isRunning: ({ program }, exists) =>
      program === "init" && ["/run/initctl", "/dev/initctl"].some((path) => exists(path)),
  },
];

const ASK_SECONDS = 60;
/** An inhibitor that blocks the restart may end in the meantime. */
const ASK_AGAIN_SECONDS = 10;
/** Longer than services need to stop in order. */
const WAIT_SECONDS = 300;
/**
 * The shutdown may kill the command that asked for it, which then looks like a refusal. Wait this long for the signal.
 */
const SHUTDOWN_SECONDS = 1;

/**
 * Restarts the machine through the running service manager. Returns when the shutdown has begun. Without a service
 * manager (a minimal system, an initramfs) the kernel restarts the machine. When the service manager refuses, the
 * kernel does it only with `force`; otherwise the refusal is thrown as "boot".
 */
export async function reboot(machine: Restartable, options: RebootOptions): Promise<void> {
  const manager = managerOf(machine);
  if (manager === undefined) options.report("No service manager is running");
  else if (await isAccepted(machine, manager, options)) return;
  options.report("Flushing all file systems, then the kernel restarts the machine");
  machine.sync();
  try {
    machine.restart();
  } catch (cause) {
    throw new TandemError("boot", `Cannot restart the machine: ${reasonOf(cause)}`, { cause });
  }
}

function managerOf({ files, readLink }: Restartable): ServiceManager | undefined {
  const [calledAs = ""] = (files.readText("/proc/1/cmdline") ?? "").split(/[\0 ]/);
  const first = { program: basename(readLink("/proc/1/exe") ?? ""), calledAs: basename(calledAs) };
  return SERVICE_MANAGERS.find(({ isRunning }) => isRunning(first, (path) => files.exists(path)));
}

/** Whether the service manager restarts the machine. Throws "boot" when it refuses and `force` is not set. */
async function isAccepted(
  machine: Restartable,
  manager: ServiceManager,
  options: RebootOptions,
): Promise<boolean> {
  const refusal = await ask(machine, manager);
  if (refusal !== undefined) await machine.probe.pause(SHUTDOWN_SECONDS, options.signal);
  if (options.signal.aborted) return true;
  if (refusal === undefined && !(options.force && options.wait)) return true;
  if (options.force) return isShutDownInTime(machine, manager, { ...options, refusal });
  machine.sync();
  throw new TandemError("boot", `Cannot restart the machine: ${refusal}`, {
    hint: "All else is done. Restart it when nothing holds it up any more.",
  });
}

/**
 * Asks until the service manager agrees, then waits for the shutdown, which also ends this process. Returns whether it
 * came in time.
 */
async function isShutDownInTime(
  machine: Restartable,
  manager: ServiceManager,
  {
    refusal: first,
    signal,
    report,
    wait,
  }: RebootOptions & { readonly refusal: string | undefined },
): Promise<boolean> {
  const endMs = machine.monotonicMs() + WAIT_SECONDS * 1000;
  let refusal = first;
  if (refusal !== undefined) report(`${refusal}; asking again for ${WAIT_SECONDS} s`);
  else report(`Waiting up to ${WAIT_SECONDS} s for ${manager.name} to restart the machine`);
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
  report(`${manager.name} has not restarted the machine within ${WAIT_SECONDS} s`);
  return false;
}

/** Asks for a restart. Returns the reason of a refusal, or undefined when the service manager agrees. */
async function ask(
  { run }: Restartable,
  { name, command }: ServiceManager,
): Promise<string | undefined> {
  const asked = `${name} was asked (${command.join(" ")}) and`;
  try {
    const { status, stdout, stderr } = await run(command, { deadlineSeconds: ASK_SECONDS });
    if (status === 0) return undefined;
    const output = `${stdout}${stderr}`.trim().split("\n").join(", ");
    if (status === undefined) return `${asked} did not answer within ${ASK_SECONDS} s`;
    return `${asked} refused with status ${status}${output === "" ? "" : `: ${output}`}`;
  } catch (error) {
    return `${asked} cannot be reached: ${reasonOf(error)}`;
  }
}
