import type { BootRecord, NextRecord } from "../control/record.ts";
import type { SlotSpec } from "../control/spec.ts";
import type { Cmdline } from "../slot/cmdline.ts";
import type { Finding } from "../lib/finding.ts";
import type { SlotAddress } from "../slot/address.ts";
import type { SlotName } from "../slot/slot.ts";
import type { Files } from "../system/files.ts";
import type { Esp } from "./esp/esp.ts";
import type { ImageRules } from "./image/image-rules.ts";

/** A file in a slot that was just written. */
export interface BootFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Its bytes in order; each chunk is only valid until the next is asked for. */
  read(): Iterable<Uint8Array>;
}

/** Kernel and initrd of a slot. */
export interface BootFiles {
  readonly kernel: BootFile;
  readonly initrd: BootFile | undefined;
}

/** A slot as it is, to be compared with what the loader knows of it. */
export interface ActualSlot {
  /** Where the slot is. */
  readonly address: SlotAddress;
  /** undefined: the slot holds no system that can boot. */
  readonly files: BootFiles | undefined;
}

/** The disk that doctor examines. */
export interface ExaminedDisk {
  readonly slots: Readonly<Partial<Record<SlotName, unknown>>>;
  /** undefined: this machine does not run from this disk. */
  readonly booted: SlotName | undefined;
  readonly system: { readonly files: Pick<Files, "readBytes"> };
}

/** What a loader starts when it cannot start a slot of the boot record, for people. */
export interface Ending {
  /** When both copies of the record are lost. */
  readonly withoutRecord: string;
  /** When every slot of the record has used up its boots. */
  readonly usedUp: (good: SlotName) => string;
}

/** The boot in which this program runs. */
export interface CurrentBoot {
  /** undefined: this machine does not run from this disk. */
  readonly slot: SlotName | undefined;
  readonly cmdline: Cmdline;
}

/** What the loader counted and gave up before the current boot. */
export type BootSummary = Pick<Cmdline, "gen" | "left" | "fell" | "why" | "gaveUp" | "uncounted">;

/** The boot loader of an opened disk. It chooses the slot that boots. A change is on the medium when the method returns. Throws `boot`. */
export interface Bootloader {
  readonly name: string;
  /** What it needs of an image. */
  readonly images: ImageRules;
  /** Lets the loader start a slot. The slot was written and read back, and the boot record does not name it yet. */
  prepare(slot: SlotName, spec: SlotSpec, files: BootFiles): Promise<void>;
  /** The loader cannot start the slot any more. Comes before the slot is overwritten. */
  forget(slot: SlotName): Promise<void>;
  /** Why the loader cannot start a slot, for people; undefined: it can. */
  startProblem(slot: SlotName): string | undefined;
  /** How many boots a trial can get. commit() gives no trial more. */
  readonly triesMax: number;
  /** How many boots a trial gets at most when nobody asks for a number. */
  readonly triesUnasked: number;
  /** Whether the loader starts copies of kernel and initrd, and not the files in the slot. */
  readonly hasCopies: boolean;
  /** How what the loader knows of a slot differs from the slot, for people; undefined: it does not. Reads all copies. */
  mismatch(slot: SlotName, actual: ActualSlot): string | undefined;
  /** The one commit point: after a power cut either the old record or the new one is in force. */
  commit(next: NextRecord): Promise<BootRecord>;
  /** Sets the title of the systems in its menu. Undefined for a loader whose menu has none. Throws `disk` as well. */
  setMenuTitle?(title: string): void;
  /**
   * How something other than a hook of tandem has confirmed the boot of the running trial, for people. Undefined when
   * nothing has. Writes nothing.
   */
  confirmation?(): string | undefined;
  /**
   * What confirms each boot because no hook of tandem gives verdicts, for people. Undefined when a hook does, and for a
   * loader whose boots nothing else confirms.
   */
  readonly confirmedBy?: string | undefined;
  /** What others have set against the boot record, for people. Undefined when nothing is. Writes nothing. */
  contradiction?(): string | undefined;
  /** Writes nothing. */
  summarize(boot: CurrentBoot): BootSummary;
  /** Throws `boot` when its files cannot be changed. */
  refuseReadOnly(): void;
  /** What a power cut left unfinished, for people; undefined: nothing. Writes nothing. */
  unfinished(): string | undefined;
  /**
   * What the loader boots on a machine that was installed by other tools, as a record. Undefined for a loader that needs
   * a record by tandem. Writes nothing.
   */
  adopted?(): NextRecord | undefined;
  /** Finishes what a power cut left unfinished. Every verb that writes begins with it. */
  repair(): Promise<void>;
  /** The slot that the loader starts when there is no record; undefined: no slot is set for that. */
  fallback(): SlotName | undefined;
  readonly ending: Ending;
  /** Findings of doctor: whether the loader's own copy of the boot record is the record in force. Its repair comes before all others. */
  examineRecord(): Finding[];
  /** Findings of doctor: the loader's files. `esp` is open for reading. */
  examineFiles(esp: Esp, disk: ExaminedDisk): Finding[];
  /** The same for a loader that has no files on an EFI system partition: doctor looks at none, and calls this instead. */
  examineOtherFiles?(): Finding[];
  close(): void;
}
