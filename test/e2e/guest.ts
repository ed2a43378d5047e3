import { startMachine, type Machine, type MachineSetup } from "./machine.ts";

/** Emulation slows Linux down from tenths of a second to seconds. The limit also allows for a busy machine. */
const BOOT_SECONDS = 600;
const RUN_SECONDS = 600;

export interface Boot {
  readonly slot: string;
  readonly version: string;
  /** "/dev/vda4 ro": the device of the root file system and how it is mounted. */
  readonly root: string;
}

/** A virtual machine with one of our systems. */
export interface Guest extends AsyncDisposable {
  readonly machine: Machine;
  /** Waits until a system has booted, and returns which. */
  readonly booted: () => Promise<Boot>;
  /** Runs a shell line on the console. */
  readonly run: (line: string, withinSeconds?: number) => Promise<Result>;
  /** Types a line and does not wait, for commands that reboot. */
  readonly start: (line: string) => Promise<void>;
}

export interface Result {
  readonly status: number;
  /** The output on the console, stdout and stderr mixed. */
  readonly output: string;
}

export function startGuest(setup: MachineSetup): Guest {
  const machine = startMachine({ memoryMib: 1024, ...setup });
  return {
    machine,
    booted: async () => {
      const line = await machine.expectLine(/^E2E: slot=/, BOOT_SECONDS);
      const {
        slot = "",
        version = "",
        root = "",
      } = /slot=(?<slot>\S*) version=(?<version>\S*) root=(?<root>.*)$/.exec(line)?.groups ?? {};
      return { slot, version, root };
    },
    start: (line) => machine.type(`${line}\n`),
    run: (line, withinSeconds = RUN_SECONDS) => run(machine, line, withinSeconds),
    [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose](),
  };
}

async function run(machine: Machine, line: string, withinSeconds: number): Promise<Result> {
  const before = machine.lines.length;
  await machine.type(`${line}\n`);
  const last = await machine.expectLine(/^E2E: status \d+$/, withinSeconds);
  const newLines = machine.lines.slice(before);
  const output = newLines.slice(0, newLines.lastIndexOf(last)).join("\n");
  return { status: Number(last.split(" ").at(-1)), output };
}
