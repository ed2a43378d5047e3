import { type BigIntStats, statSync } from "node:fs";

import { errnoOf } from "./failure.ts";
import { execute } from "./syscall.ts";

const SELF = "/proc/self/exe";

/** A program to run in the place of this one. `name` becomes its argv[0]. */
export interface Call {
  readonly path: string;
  readonly name: string;
  readonly args: readonly string[];
}

/** This program among the other programs of the machine. */
export interface Programs {
  /** Whether `path` leads to this program or to a copy of it. */
  isSelf(path: string): boolean;
  /**
   * Runs another program in the place of this one: same process, environment, directory and open standard streams. Does
   * not return. Throws when the program cannot be run.
   */
  replaceSelf(call: Call): never;
}

export const linuxPrograms: Programs = { isSelf, replaceSelf };

/** A copy has another inode. Without the check of the size, two copies would run each other for ever. */
function isSelf(path: string): boolean {
  const [one, other] = [statOf(path), statOf(SELF)];
  if (one === undefined || other === undefined) return false;
  return (one.dev === other.dev && one.ino === other.ino) || one.size === other.size;
}

function statOf(path: string): BigIntStats | undefined {
  try {
    // Inode numbers of an overlay file system may be above 2^53.
    return statSync(path, { bigint: true });
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

function replaceSelf({ path, name, args }: Call): never {
  const environment = Object.entries(process.env).map(([key, value]) => `${key}=${value}`);
  execute(path, { words: [name, ...args], environment });
}
