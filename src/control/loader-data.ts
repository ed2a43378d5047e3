import { BLOCK_BYTES } from "../disk/chunk.ts";
import { CONTROL_MARK, signaturesOn } from "../disk/signature.ts";
import { writeThrough } from "../disk/write-through.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import type { AddressForm } from "../slot/address.ts";
import { isPartitionSlot, type SlotName } from "../slot/slot.ts";
import { readBlock, type BlockFile } from "../system/block-file.ts";
import { type Copies, HALF_WRITTEN, problemsOf, validOf } from "./copies.ts";
import {
  chooseRecord,
  encodeRecord,
  GEN_MAX,
  highestGen,
  parseRecord,
  RECORD_BYTES,
  type BootRecord,
  type NextRecord,
} from "./record.ts";
import { encodeSpec, parseSpec, SPEC_BYTES, type SlotSpec } from "./spec.ts";

/** The offsets of record and specs. GRUB's script has them as sectors of 512 bytes. */
const OFFSET = {
  records: [0x0000, 0x1000],
  specs: {
    a: 0x4000,
    b: 0x5000,
    recovery: 0x6000,
    active: 0x7000,
    passive: 0x8000,
    transition: 0x9000,
  },
} as const;
/** The area of records and specs. The rest of it is unused. */
export const LOADER_DATA_BYTES = 64 * KiB;

interface LoaderDataOptions {
  /** The form of the addresses in specs. */
  readonly addressForm: AddressForm;
  /** The generation that earlier records may have reached. It is used only while both copies of the record are lost. */
  readonly genReached: () => number;
}

/** What the boot loader reads: the boot record, and a spec for each slot. One process at a time may write it. */
export class LoaderData {
  readonly addressForm: AddressForm;
  readonly #block: BlockFile;
  readonly #genReached: () => number;
  readonly #records: Copies<BootRecord>;
  #assumed: BootRecord | undefined;

  /** Throws "disk" when the block file is too small. */
  constructor(block: BlockFile, { addressForm, genReached }: LoaderDataOptions) {
    if (block.sizeBytes < LOADER_DATA_BYTES)
      throw new TandemError(
        "disk",
        `Cannot use ${block.name} for the boot record: it has ${block.sizeBytes} bytes, needs ${LOADER_DATA_BYTES}`,
      );
    this.addressForm = addressForm;
    this.#block = block;
    this.#genReached = genReached;
    const [record0, record1] = OFFSET.records;
    this.#records = [this.#readRecord(record0), this.#readRecord(record1)];
  }

  /** Makes the area all zeros, as on a new disk. A power cut leaves a part of the old content. Throws "disk". */
  async empty(): Promise<void> {
    await writeThrough(this.#block, 0, new Uint8Array(LOADER_DATA_BYTES));
    for (const copy of [0, 1] as const)
      this.#records[copy] = this.#readRecord(OFFSET.records[copy]);
  }

  /** Whether the area is all zeros: nothing was ever written, or everything was wiped. */
  get isBlank(): boolean {
    return readBlock(this.#block, 0, LOADER_DATA_BYTES).every((byte) => byte === 0);
  }

  /**
   * What another program has put here, such as "an XFS file system". Undefined when no mark is found. Throws "disk".
   */
  get foreignMark(): string | undefined {
    return signaturesOn(this.#block).find(({ what }) => what !== CONTROL_MARK)?.what;
  }

  /** Both copies of the record and all specs as they are on the disk, also when they are damaged. */
  get blocks(): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
    const records = OFFSET.records.map((offset, copy) => ({
      name: `record, copy ${copy}`,
      bytes: readBlock(this.#block, offset, RECORD_BYTES),
    }));
    const specs = Object.entries(OFFSET.specs)
      .map(([slot, offset]) => ({ slot, bytes: readBlock(this.#block, offset, SPEC_BYTES) }))
      .filter(({ slot, bytes }) => isPartitionSlot(slot) || bytes.some((byte) => byte !== 0))
      .map(({ slot, bytes }) => ({ name: `spec of slot ${slot}`, bytes }));
    return [...records, ...specs];
  }

  /** The record in force. Undefined when neither copy can be used; recordProblems says why. */
  get record(): BootRecord | undefined {
    const chosen = chooseRecord(...this.#records);
    return chosen === undefined ? this.#assumed : validOf(this.#records[chosen]);
  }

  get recordProblems(): readonly string[] {
    return this.#assumed === undefined ? problemsOf("boot record", this.#records) : [];
  }

  /**
   * Takes this for the record in force as long as neither copy can be used: what a machine that was installed by other
   * tools boots. Its generation is 0. Writes nothing.
   */
  assume(record: NextRecord): void {
    this.#assumed = { ...record, gen: 0 };
  }

  /**
   * The commit point: when this method returns, the new record is in force. When it throws "boot" or the power is cut,
   * the old or the new record is. The copy in force is not touched. A loader with generations of its own passes the
   * lowest one that it can take as `genMin`.
   */
  async commitRecord(next: NextRecord, genMin = 0): Promise<BootRecord> {
    const target = chooseRecord(...this.#records) === 0 ? 1 : 0;
    // A loader that passes genMin has looked at nextGen already, or knows the generation from its own files.
    const gen = genMin === 0 ? this.nextGen : Math.max(this.#genAfterCopies, genMin);
    const record = { ...next, gen };
    if (record.gen > GEN_MAX) throw this.#failed("boot record", "its generation cannot grow");
    const block = new Uint8Array(BLOCK_BYTES);
    block.set(encodeRecord(record));
    // Wipe a torn copy first: a sector of it and a sector of this write could make up the whole record of an earlier
    // attempt.
    const torn = "invalid" in this.#records[target];
    this.#records[target] = HALF_WRITTEN;
    await this.#attempt("boot record", async () => {
      const offsetBytes = OFFSET.records[target];
      if (torn) await writeThrough(this.#block, offsetBytes, new Uint8Array(BLOCK_BYTES));
      await writeThrough(this.#block, offsetBytes, block);
    });
    this.#records[target] = record;
    return record;
  }

  /** How the boot loader starts the slot, or why it cannot. */
  spec(slot: SlotName): SlotSpec | { readonly invalid: string } {
    return parseSpec(readBlock(this.#block, OFFSET.specs[slot], SPEC_BYTES), this.addressForm);
  }

  /** Only for a slot that the record does not name. Throws "boot". */
  async writeSpec(slot: SlotName, spec: SlotSpec): Promise<void> {
    const bytes = encodeSpec(slot, spec, this.addressForm);
    await this.#attempt(`spec of slot ${slot}`, () =>
      writeThrough(this.#block, OFFSET.specs[slot], bytes),
    );
  }

  /** Afterwards the boot loader does not start the slot. Throws "boot". */
  async eraseSpec(slot: SlotName): Promise<void> {
    await this.#attempt(`spec of slot ${slot}`, () =>
      writeThrough(this.#block, OFFSET.specs[slot], new Uint8Array(SPEC_BYTES)),
    );
  }

  /**
   * The generation of the next record. The boot loader counts boots for one generation. After both copies are lost this
   * is a guess, so a loader that counts must also go above the generation that it has counted for.
   */
  get nextGen(): number {
    return this.record === undefined || this.record === this.#assumed
      ? Math.max(this.#genAfterCopies, this.#genReached() + 1)
      : this.#genAfterCopies;
  }

  get #genAfterCopies(): number {
    const { record } = this;
    if (record !== undefined && record !== this.#assumed) return record.gen + 1;
    const copies = OFFSET.records.map((offset) => readBlock(this.#block, offset, RECORD_BYTES));
    return highestGen(copies) + 1;
  }

  #readRecord(offsetBytes: number): BootRecord | { readonly invalid: string } {
    return parseRecord(readBlock(this.#block, offsetBytes, RECORD_BYTES));
  }

  async #attempt(what: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (cause) {
      throw this.#failed(what, reasonOf(cause), cause);
    }
  }

  #failed(what: string, why: string, cause?: unknown): TandemError {
    return new TandemError("boot", `Cannot write the ${what} to ${this.#block.name}: ${why}`, {
      cause,
    });
  }
}
