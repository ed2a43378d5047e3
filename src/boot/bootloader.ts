import type { BootRecord, NextRecord } from "../control/record.ts";
import type { SlotSpec } from "../control/spec.ts";
import type { Cmdline } from "../slot/cmdline.ts";
import type { SlotName } from "../slot/slot.ts";

/** A file in a slot that was just written. */
export interface BootFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Its bytes in order; each chunk is only valid until the next is asked for. */
  read(): Iterable<Uint8Array>;
}

/** What a loader may need from the slot itself. */
export interface BootFiles {
  readonly kernel: BootFile;
  readonly initrd: BootFile | undefined;
}

/** The boot that this machine is in. */
export interface ThisBoot {
  /** undefined: it does not run from this disk. */
  readonly slot: SlotName | undefined;
  readonly cmdline: Cmdline;
}

/** How the loader came to this boot. */
export type Account = Pick<Cmdline, "gen" | "left" | "fell" | "why" | "gaveUp" | "uncounted">;

/** The boot loader of an opened disk: it chooses a slot at boot. Each change is durable when the method returns. Methods throw `boot`. */
export interface Bootloader {
  readonly name: string;
  /** Makes a slot startable that was written and read back. Nothing may lead to it yet. */
  prepare(slot: SlotName, spec: SlotSpec, files: BootFiles): Promise<void>;
  /** Makes a slot unstartable, before it is overwritten. */
  forget(slot: SlotName): Promise<void>;
  /** Why a slot could not be started; undefined when it could. */
  whyNot(slot: SlotName): string | undefined;
  /** Which copy of the slot's files is not as it should be; undefined: none, or the loader has no copies. Reads all of them. */
  spoilt(slot: SlotName, files: BootFiles): string | undefined;
  /** The one commit point: a cut leaves the old record in force or the new one. */
  commit(next: NextRecord): Promise<BootRecord>;
  /** What the loader has counted, and what it has given up. Writes nothing. */
  account(boot: ThisBoot): Account;
  /** Throws `boot` when it is known that it could not be told anything. */
  refuseReadOnly(): void;
  /** What a cut has left undone; undefined: nothing. Writes nothing. */
  unfinished(): string | undefined;
  /** Finishes what a cut has left undone. Comes before anything is decided. */
  repair(): Promise<void>;
  close(): void;
}
