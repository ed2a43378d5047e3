import { TandemError, reasonOf } from "../lib/error.ts";
import { MiB } from "../lib/units.ts";
import { CONTROL_MARK, signaturesOn } from "../disk/signature.ts";
import { writeThrough } from "../disk/write-through.ts";
import type { SlotName } from "../slot/slot.ts";
import { readBlock, type BlockFile } from "../system/block-file.ts";
import { isBlank, neverUsed, type Origin } from "./origin.ts";
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
import {
  BESIDE_BYTES,
  type BesideCopy,
  changesOf,
  encodeBeside,
  parseBeside,
  withChanges,
} from "./beside.ts";
import { encodeSpec, parseSpec, SPEC_BYTES, type SlotSpec } from "./spec.ts";
import {
  BLOCK_BYTES,
  chooseState,
  encodeState,
  parseState,
  sizeOfState,
  type StateCopy,
} from "./state-copy.ts";
import { unknownState, type State } from "./state.ts";

/** Where things lie in the control partition. The boot loader's script knows the first two rows as sectors of 512 bytes. */
const OFFSET = {
  records: [0x0000, 0x1000],
  specs: { a: 0x4000, b: 0x5000, recovery: 0x6000 },
  states: [0x10000, 0x80000],
  besides: [0xf0000, 0xf8000],
} as const;
const CONTROL_BYTES_MIN = MiB;

/** The most that the first state takes: it knows one slot, and a source whose path has 4 KiB at most. */
const FIRST_STATE_BYTES = 2 * BLOCK_BYTES;

type Pair<T> = [T, T];

/** The control partition: what the boot loader reads, and what tandem remembers. One process at a time may write it. */
export class Control {
  readonly #partition: BlockFile;
  readonly #records: Pair<BootRecord | { readonly invalid: string }>;
  readonly #states: Pair<StateCopy>;
  readonly #besides: Pair<BesideCopy>;

  private constructor(partition: BlockFile) {
    if (partition.sizeBytes < CONTROL_BYTES_MIN)
      throw new TandemError(
        "disk",
        `Cannot use control partition ${partition.name}: it has ${partition.sizeBytes} bytes, needs ${CONTROL_BYTES_MIN}`,
      );
    this.#partition = partition;
    const [record0, record1] = OFFSET.records;
    this.#records = [this.#readRecord(record0), this.#readRecord(record1)];
    const [state0, state1] = OFFSET.states;
    this.#states = [this.#readState(state0), this.#readState(state1)];
    const [beside0, beside1] = OFFSET.besides;
    this.#besides = [this.#readBeside(beside0), this.#readBeside(beside1)];
  }

  static open(partition: BlockFile): Control {
    return new Control(partition);
  }

  /** Makes the control partition of a new disk. What was there is gone, so it must not be the one of a disk in use. */
  static async format(
    partition: BlockFile,
    { record, state }: { readonly record: NextRecord; readonly state: State },
  ): Promise<Control> {
    await writeThrough(
      partition,
      0,
      new Uint8Array(Math.min(CONTROL_BYTES_MIN, partition.sizeBytes)),
    );
    const control = new Control(partition);
    await control.commitRecord(record);
    await control.writeState(state);
    return control;
  }

  /** Makes it all zeros, as on a new disk: only where no slot holds a system. A cut leaves a part of what was there. Throws `disk`. */
  async empty(): Promise<void> {
    await writeThrough(this.#partition, 0, new Uint8Array(CONTROL_BYTES_MIN));
    for (const index of [0, 1] as const) {
      this.#records[index] = this.#readRecord(OFFSET.records[index]);
      this.#states[index] = this.#readState(OFFSET.states[index]);
      this.#besides[index] = this.#readBeside(OFFSET.besides[index]);
    }
  }

  /** What somebody else has put here, such as "an XFS file system". undefined: there is no mark of it. Throws `disk`. */
  get foreignMark(): string | undefined {
    return signaturesOn(this.#partition).find(({ what }) => what !== CONTROL_MARK)?.what;
  }

  /** The record in force. undefined: neither copy can be used, and recordProblems says why. */
  get record(): BootRecord | undefined {
    const chosen = chooseRecord(...this.#records);
    return chosen === undefined ? undefined : validOf(this.#records[chosen]);
  }

  /** How far the disk has come while there is no record. */
  get origin(): Origin {
    if (this.#stateInForce !== undefined) return neverUsed(this.state) ? "begun" : "used";
    const [start] = OFFSET.states;
    const bytes = readBlock(this.#partition, 0, CONTROL_BYTES_MIN);
    return isBlank(bytes, { start, end: start + FIRST_STATE_BYTES }) ? "blank" : "used";
  }

  get recordProblems(): readonly string[] {
    return problemsOf("boot record", this.#records);
  }

  /**
   * The state in force, with what another tandem remembers beside it. Where neither copy can be used nothing is known of the slots, and
   * stateProblems says why.
   */
  get state(): State {
    const state = this.#stateInForce;
    if (state === undefined) return unknownState();
    const beside = inForce(this.#besides);
    return beside?.base === state.generation
      ? withChanges(state.state, beside.changes)
      : state.state;
  }

  /** The version of the state, where a newer tandem made it; undefined: it is ours, or lost. */
  get newerVersion(): number | undefined {
    return this.#stateInForce?.newer;
  }

  get #stateInForce(): Exclude<StateCopy, { readonly invalid: string }> | undefined {
    return inForce(this.#states);
  }

  get stateProblems(): readonly string[] {
    return problemsOf("state", this.#states);
  }

  /**
   * The one commit point: when it returns, the new record is in force; when it throws `boot` or the power is cut, either the old or
   * the new one is. The copy in force is not touched. `genMin` is for a loader that has numbers of its own.
   */
  async commitRecord(next: NextRecord, genMin = 0): Promise<BootRecord> {
    const chosen = chooseRecord(...this.#records);
    const target = chosen === 0 ? 1 : 0;
    // Who asks for a number knows it from elsewhere.
    const gen = genMin === 0 ? this.nextGen : Math.max(this.#genAfterCopies, genMin);
    const record = { ...next, gen };
    if (record.gen > GEN_MAX) throw this.#failed("boot record", "its generation cannot grow");
    const block = new Uint8Array(BLOCK_BYTES);
    block.set(encodeRecord(record));
    // A torn copy is wiped first: one sector of an earlier attempt and one of this could make a whole record of the earlier one.
    const torn = "invalid" in this.#records[target];
    this.#records[target] = { invalid: "it was not written to its end" };
    await this.#attempt("boot record", async () => {
      const offsetBytes = OFFSET.records[target];
      if (torn) await writeThrough(this.#partition, offsetBytes, new Uint8Array(BLOCK_BYTES));
      await writeThrough(this.#partition, offsetBytes, block);
    });
    this.#records[target] = record;
    return record;
  }

  /** How the boot loader would start the slot, or why it could not. */
  spec(slot: SlotName): SlotSpec | { readonly invalid: string } {
    return parseSpec(readBlock(this.#partition, OFFSET.specs[slot], SPEC_BYTES));
  }

  /** Only for a slot that the record does not name. Throws `boot`. */
  async writeSpec(slot: SlotName, spec: SlotSpec): Promise<void> {
    const bytes = encodeSpec(slot, spec);
    await this.#attempt(`spec of slot ${slot}`, () =>
      writeThrough(this.#partition, OFFSET.specs[slot], bytes),
    );
  }

  /** Afterwards the boot loader does not take the slot. Throws `boot`. */
  async eraseSpec(slot: SlotName): Promise<void> {
    await this.#attempt(`spec of slot ${slot}`, () =>
      writeThrough(this.#partition, OFFSET.specs[slot], new Uint8Array(SPEC_BYTES)),
    );
  }

  /**
   * Writes the copy that is not in force: a cut leaves the old state or the new. Where a newer tandem made the state, it writes what has
   * changed beside it, in the same way. Throws `disk`.
   */
  async writeState(state: State): Promise<void> {
    const before = this.#stateInForce;
    if (before?.newer === undefined) {
      const bytes = encodeState((before?.generation ?? 0) + 1, state);
      await this.#writeCopy(OFFSET.states, this.#states, { bytes, parse: parseState });
      return;
    }
    const generation = (inForce(this.#besides)?.generation ?? 0) + 1;
    const bytes = encodeBeside(generation, before.generation, changesOf(before.state, state));
    await this.#writeCopy(OFFSET.besides, this.#besides, { bytes, parse: parseBeside });
  }

  async #writeCopy<T extends Copy>(
    offsets: readonly [number, number],
    copies: Pair<T | { readonly invalid: string }>,
    { bytes, parse }: { readonly bytes: Uint8Array; readonly parse: (bytes: Uint8Array) => T },
  ): Promise<void> {
    const target = chooseState(...copies) === 0 ? 1 : 0;
    copies[target] = { invalid: "it was not written to its end" };
    await writeThrough(this.#partition, offsets[target], bytes);
    copies[target] = parse(bytes);
  }

  /** The number that the next record gets, as far as the control partition knows. The boot loader's count is tied to it. */
  get nextGen(): number {
    return this.record === undefined
      ? Math.max(this.#genAfterCopies, this.#gensBefore + 1)
      : this.#genAfterCopies;
  }

  get #genAfterCopies(): number {
    const { record } = this;
    if (record !== undefined) return record.gen + 1;
    const copies = OFFSET.records.map((at) => readBlock(this.#partition, at, RECORD_BYTES));
    return highestGen(copies) + 1;
  }

  /**
   * A number that the records before had about reached: the state is written for most of them. It is only a guess; what the boot loader
   * has counted for is asked where it counts. No fall that is remembered may seem to be one of the new record.
   */
  get #gensBefore(): number {
    const { generation = 0 } = this.#stateInForce ?? {};
    const falls = (this.state.falls ?? []).map(({ gen = 0 }) => gen);
    return neverUsed(this.state) ? 0 : Math.max(generation, ...falls);
  }

  #readRecord(offsetBytes: number): BootRecord | { readonly invalid: string } {
    return parseRecord(readBlock(this.#partition, offsetBytes, RECORD_BYTES));
  }

  #readState(offsetBytes: number): StateCopy {
    const first = readBlock(this.#partition, offsetBytes, BLOCK_BYTES);
    return parseState(readBlock(this.#partition, offsetBytes, sizeOfState(first)));
  }

  #readBeside(offsetBytes: number): BesideCopy {
    return parseBeside(readBlock(this.#partition, offsetBytes, BESIDE_BYTES));
  }

  async #attempt(what: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (cause) {
      throw this.#failed(what, reasonOf(cause), cause);
    }
  }

  #failed(what: string, why: string, cause?: unknown): TandemError {
    return new TandemError("boot", `Cannot write the ${what} to ${this.#partition.name}: ${why}`, {
      cause,
    });
  }
}

type Copy = { readonly generation: number } | { readonly invalid: string };

function inForce<T extends { readonly generation: number }>(
  copies: Pair<T | { readonly invalid: string }>,
): T | undefined {
  const chosen = chooseState(...copies);
  return chosen === undefined ? undefined : validOf(copies[chosen]);
}

function validOf<T extends object>(copy: T | { readonly invalid: string }): T | undefined {
  return "invalid" in copy ? undefined : copy;
}

function problemsOf(what: string, copies: Pair<object>): string[] {
  return copies.flatMap((copy, index) =>
    "invalid" in copy
      ? [`copy ${index} of the ${what} cannot be used: ${String(copy.invalid)}`]
      : [],
  );
}
