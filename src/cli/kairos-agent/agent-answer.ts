import type { Call, Programs } from "../../system/programs.ts";
import type { System } from "../../system/system.ts";
import type { AgentLine } from "./line.ts";

/**
 * What a command line leads to: a text and an exit status, work that prints while it runs, or the original in the place
 * of this process.
 */
export type AgentAnswer =
  | {
      readonly kind: "print";
      readonly stdout: string;
      readonly stderr: string;
      readonly status: number;
    }
  | { readonly kind: "work"; readonly work: AgentWork }
  | { readonly kind: "run"; readonly call: Call };

/** Prints on stdout while it runs, and returns the exit status. */
export type AgentWork = (surroundings: WorkSurroundings) => Promise<number>;

export interface WorkSurroundings {
  readonly print: (text: string) => void;
  /** Sets a variable in the environment of this process, and of the programs that it starts. */
  readonly export: (name: string, value: string) => void;
  /** Aborts when the operator or the system asks to stop. */
  readonly signal: AbortSignal;
}

/** The machine as far as kairos-agent needs it. */
export interface AgentMachine {
  readonly system: System;
  readonly programs: Pick<Programs, "isSelf">;
}

/** The same with the path of the original. Undefined when there is none. */
export interface AskedMachine extends AgentMachine {
  readonly original: string | undefined;
}

/** A verb that tandem has itself. It gives undefined for what only the original can do. */
export type AgentVerb = (machine: AskedMachine, line: AgentLine) => AgentAnswer | undefined;

/** The status of the original for each error, and for an unknown verb. */
export const STATUS = { error: 1, unknownVerb: 3 } as const;

export const INSTALL =
  "Install Kairos' own program as /usr/bin/kairos or /usr/bin/kairos-agent beside tandem.";

export function printed(stdout: string): AgentAnswer {
  return { kind: "print", stdout, stderr: "", status: 0 };
}

/** The original prints errors on stdout, too. */
export function failed(lines: readonly string[]): AgentAnswer {
  return { kind: "print", stdout: `${lines.join("\n")}\n`, stderr: "", status: STATUS.error };
}

export function misused(reason: string): AgentAnswer {
  return failed([`Incorrect Usage: ${reason}`, "", reason]);
}
