import { type BesideCopy, changesOf, encodeBeside, parseBeside, withChanges } from "./beside.ts";
import { type Copies, HALF_WRITTEN, type Invalid, problemsOf, validOf } from "./copies.ts";
import type { MemoryStorage, MemoryPart } from "./memory-storage.ts";
import { neverUsed } from "./origin.ts";
import { chooseState, encodeState, parseState, type StateCopy } from "./state-copy.ts";
import { type State, unknownState } from "./state.ts";

type Valid<T> = Exclude<T, Invalid>;

/** What tandem remembers: the state, in two copies. Only one process at a time may write it. */
export class Memory {
  readonly #storage: MemoryStorage;
  readonly #follow: (state: State) => State;
  #states: Copies<Valid<StateCopy>>;
  #besides: Copies<Valid<BesideCopy>>;

  /** `follow` says what a state means for the slots as they are now. */
  constructor(storage: MemoryStorage, follow = (state: State) => state) {
    this.#storage = storage;
    this.#follow = follow;
    this.#states = this.#readStates();
    this.#besides = this.#readBesides();
  }

  /**
   * Removes everything, as on a new disk: only where no slot holds a system. A power cut leaves a part. Throws "disk".
   */
  async empty(): Promise<void> {
    await this.#storage.empty();
    this.#states = this.#readStates();
    this.#besides = this.#readBesides();
  }

  /** Whether the storage is as before the first write, or was wiped. Throws "disk". */
  get isBlank(): boolean {
    return this.#stateInForce === undefined && this.#storage.isBlank();
  }

  /** Whether a copy of the state can be used. False on a new disk, and after both copies are lost. */
  get hasState(): boolean {
    return this.#stateInForce !== undefined;
  }

  /**
   * The state in force, with the changes that an older tandem keeps beside it. When neither copy can be used, all slots
   * are unknown; stateProblems says why.
   */
  get state(): State {
    return this.#follow(this.#stored);
  }

  get #stored(): State {
    const state = this.#stateInForce;
    if (state === undefined) return unknownState();
    const beside = inForce(this.#besides);
    return beside?.base === state.generation
      ? withChanges(state.state, beside.changes)
      : state.state;
  }

  /**
   * The version of a state that a newer tandem has made. Undefined when this tandem can write the state, or it is lost.
   */
  get newerVersion(): number | undefined {
    return this.#stateInForce?.newer;
  }

  get stateProblems(): readonly string[] {
    return problemsOf("state", this.#states);
  }

  /**
   * About the generation that the boot records have reached: tandem writes the state for most of them. A new record
   * must not have the generation of a fall that is remembered.
   */
  get genReached(): number {
    const { generation = 0 } = this.#stateInForce ?? {};
    const falls = (this.state.falls ?? []).map(({ gen = 0 }) => gen);
    return neverUsed(this.state) ? 0 : Math.max(generation, ...falls);
  }

  /**
   * Writes the copy that is not in force, so a power cut leaves the old or the new state. When a newer tandem has made
   * the state, writes the changes beside it in the same way. Throws "disk".
   */
  async writeState(state: State): Promise<void> {
    const before = this.#stateInForce;
    if (before?.newer === undefined) {
      const bytes = encodeState((before?.generation ?? 0) + 1, state);
      await this.#writeCopy("state", this.#states, { bytes, parse: parseState });
      return;
    }
    const generation = (inForce(this.#besides)?.generation ?? 0) + 1;
    const bytes = encodeBeside(generation, before.generation, changesOf(before.state, state));
    await this.#writeCopy("beside", this.#besides, { bytes, parse: parseBeside });
  }

  get #stateInForce(): Valid<StateCopy> | undefined {
    return inForce(this.#states);
  }

  async #writeCopy<T extends { readonly generation: number }>(
    part: MemoryPart,
    copies: Copies<T>,
    {
      bytes,
      parse,
    }: { readonly bytes: Uint8Array; readonly parse: (bytes: Uint8Array) => T | Invalid },
  ): Promise<void> {
    const target = chooseState(...copies) === 0 ? 1 : 0;
    copies[target] = HALF_WRITTEN;
    await this.#storage.write(part, target, bytes);
    copies[target] = parse(bytes);
  }

  #readStates(): Copies<Valid<StateCopy>> {
    const read = (copy: 0 | 1): StateCopy => parseState(this.#storage.read("state", copy));
    return [read(0), read(1)];
  }

  #readBesides(): Copies<Valid<BesideCopy>> {
    const read = (copy: 0 | 1): BesideCopy => parseBeside(this.#storage.read("beside", copy));
    return [read(0), read(1)];
  }
}

function inForce<T extends { readonly generation: number }>(copies: Copies<T>): T | undefined {
  const chosen = chooseState(...copies);
  return chosen === undefined ? undefined : validOf(copies[chosen]);
}
