import { BLOCK_BYTES } from "../disk/chunk.ts";
import { CONTROL_MARK, signaturesOn } from "../disk/signature.ts";
import { writeThrough } from "../disk/write-through.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import type { AddressForm } from "../slot/address.ts";
import type { SlotName } from "../slot/slot.ts";
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

/** Where record and specs lie. GRUB's script knows the offsets as sectors of 512 bytes. */
const OFFSET = {
  records: [0x0000, 0x1000],
  specs: { a: 0x4000, b: 0x5000, recovery: 0x6000 },
} as const;
/** Records and specs, with room for more. */
export const LOADER_DATA_BYTES = 64 * KiB;

interface LoaderDataOptions {
  /** Of the specs. */
  readonly addressForm: AddressForm;
  /** A generation that earlier records may have reached. It counts only while both copies of the record are lost. */
  readonly genReached: () => number;
}

/** What the boot loader reads: the boot record, and a spec for each slot. One process at a time may write it. */
export class LoaderData {
  readonly addressForm: AddressForm;
  readonly #block: BlockFile;
  readonly #genReached: () => number;
  readonly #records: Copies<BootRecord>;

  /** Throws `disk` when it is too small. */
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

  /** Makes it all zeros, as on a new disk. A cut leaves a part of what was there. Throws `disk`. */
  async empty(): Promise<void> {
    await writeThrough(this.#block, 0, new Uint8Array(LOADER_DATA_BYTES));
    for (const copy of [0, 1] as const)
      this.#records[copy] = this.#readRecord(OFFSET.records[copy]);
  }

  /** Whether nothing was ever written to it; or it was wiped. */
  get isBlank(): boolean {
    return readBlock(this.#block, 0, LOADER_DATA_BYTES).every((byte) => byte === 0);
  }

  /** What another program has put here, such as "an XFS file system". undefined: no mark is found. Throws `disk`. */
  get foreignMark(): string | undefined {
    return signaturesOn(this.#block).find(({ what }) => what !== CONTROL_MARK)?.what;
  }

  /** The record in force. undefined: neither copy can be used, and recordProblems says why. */
  get record(): BootRecord | undefined {
    const chosen = chooseRecord(...this.#records);
    return chosen === undefined ? undefined : validOf(this.#records[chosen]);
  }

  get recordProblems(): readonly string[] {
    return problemsOf("boot record", this.#records);
  }

  /**
   * The one commit point: when it returns, the new record is in force; when it throws `boot` or the power is cut, either the old or
   * the new one is. The copy in force is not touched. A loader with generations of its own passes the lowest that it can take as `genMin`.
   */
  async commitRecord(next: NextRecord, genMin = 0): Promise<BootRecord> {
    const target = chooseRecord(...this.#records) === 0 ? 1 : 0;
    // A loader that gives a lowest generation has asked for nextGen itself, or knows the generation from its own files.
    const gen = genMin === 0 ? this.nextGen : Math.max(this.#genAfterCopies, genMin);
    const record = { ...next, gen };
    if (record.gen > GEN_MAX) throw this.#failed("boot record", "its generation cannot grow");
    const block = new Uint8Array(BLOCK_BYTES);
    block.set(encodeRecord(record));
    // A torn copy is wiped first: one sector of an earlier attempt and one of this could make a whole record of the earlier one.
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

  /** How the boot loader would start the slot, or why it could not. */
  spec(slot: SlotName): SlotSpec | { readonly invalid: string } {
    return parseSpec(readBlock(this.#block, OFFSET.specs[slot], SPEC_BYTES), this.addressForm);
  }

  /** Only for a slot that the record does not name. Throws `boot`. */
  async writeSpec(slot: SlotName, spec: SlotSpec): Promise<void> {
    const bytes = encodeSpec(slot, spec, this.addressForm);
    await this.#attempt(`spec of slot ${slot}`, () =>
      writeThrough(this.#block, OFFSET.specs[slot], bytes),
    );
  }

  /** Afterwards the boot loader does not take the slot. Throws `boot`. */
  async eraseSpec(slot: SlotName): Promise<void> {
    await this.#attempt(`spec of slot ${slot}`, () =>
      writeThrough(this.#block, OFFSET.specs[slot], new Uint8Array(SPEC_BYTES)),
    );
  }

  /**
   * The generation of the next record, as far as is known here. The boot loader's count is tied to it. Where both copies are lost it is
   * a guess: a loader that counts is asked for the generation that it has counted for.
   */
  get nextGen(): number {
    return this.record === undefined
      ? Math.max(this.#genAfterCopies, this.#genReached() + 1)
      : this.#genAfterCopies;
  }

  get #genAfterCopies(): number {
    const { record } = this;
    if (record !== undefined) return record.gen + 1;
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
