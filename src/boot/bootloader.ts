import type { BootRecord, NextRecord } from "../control/record.ts";
import type { SlotSpec } from "../control/spec.ts";
import type { Cmdline } from "../slot/cmdline.ts";
import type { Finding } from "../lib/finding.ts";
import type { SlotAddress } from "../slot/address.ts";
import type { SlotName } from "../slot/slot.ts";
import type { Files } from "../system/files.ts";
import type { Esp } from "./esp/esp.ts";

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

/** What is in a slot, beside what the loader has for it. */
export interface SlotContents {
  /** Where the slot is. */
  readonly address: SlotAddress;
  /** undefined: no system that could boot is in it. */
  readonly files: BootFiles | undefined;
}

/** The disk that doctor examines. */
export interface ExaminedDisk {
  readonly slots: Readonly<Partial<Record<SlotName, unknown>>>;
  /** undefined: this machine does not run from this disk. */
  readonly booted: SlotName | undefined;
  readonly system: { readonly files: Pick<Files, "readBytes"> };
}

/** What a loader does where the boot record leads to nothing, for people. */
export interface Ending {
  /** What it starts as long as both copies of the record are lost. */
  readonly withoutRecord: string;
  /** What it comes to when every slot of the record is used up. */
  readonly usedUp: (good: SlotName) => string;
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
  /** It starts copies of kernel and initrd, and not what is in the slot. */
  readonly hasCopies: boolean;
  /** What the loader has for a slot and what is not so in the slot, for people; undefined: nothing. Reads all copies. */
  mismatch(slot: SlotName, contents: SlotContents): string | undefined;
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
  /** The slot that it starts as long as there is no record; undefined: it has none for that. */
  fallback(): SlotName | undefined;
  readonly ending: Ending;
  /** Findings of doctor: whether what it has of the boot record is that of the control partition. All else goes by it. */
  examineRecord(): Finding[];
  /** Findings of doctor: its files on the ESP, which is open for reading. */
  examineFiles(esp: Esp, disk: ExaminedDisk): Finding[];
  close(): void;
}
