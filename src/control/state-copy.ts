import { BLOCK_BYTES } from "../disk/chunk.ts";
import { viewOf } from "../lib/view.ts";
import * as v from "valibot";
import { TandemError } from "../lib/error.ts";
import { alignUp, KiB } from "../lib/units.ts";
import { isPartitionSlot } from "../slot/slot.ts";
import { newerState, versionAbove } from "./newer-state.ts";
import { stateSchema, type State } from "./state.ts";

/** The size of each copy of the state. */
export const STATE_BYTES = 448 * KiB;
const MAGIC = "TANDEMST";
const FORMAT = 1;
const HEADER = {
  magic: 0,
  format: 8,
  jsonBytes: 12,
  generation: 16,
  /** SHA-256 over the header up to here, then the JSON. */
  sha256: 24,
  end: 56,
} as const;
export type StateCopy =
  | {
      readonly generation: number;
      readonly state: State;
      /**
       * The version of a state that a newer tandem has made. Then `state` has the parts that are understood, and must
       * not be written.
       */
      readonly newer?: number;
    }
  | { readonly invalid: string };

/** A copy whose hash is right. Its JSON is not checked yet. */
export type Envelope =
  | { readonly generation: number; readonly json: unknown }
  | { readonly invalid: string };

/** Whole blocks. Drops the oldest events when the state is too large. Throws "disk" when that is not enough. */
export function encodeState(generation: number, state: State): Uint8Array {
  return encodeEnvelope(generation, fitting(state, STATE_BYTES));
}

/** Whole blocks: header, hash and JSON. */
export function encodeEnvelope(generation: number, json: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(alignUp(HEADER.end + json.byteLength, BLOCK_BYTES));
  bytes.write(MAGIC, HEADER.magic, "latin1");
  bytes.writeUInt32LE(FORMAT, HEADER.format);
  bytes.writeUInt32LE(json.byteLength, HEADER.jsonBytes);
  bytes.writeBigUInt64LE(BigInt(generation), HEADER.generation);
  bytes.set(json, HEADER.end);
  bytes.set(hashOf(bytes, json.byteLength), HEADER.sha256);
  return bytes;
}

/** The size of a copy in whole blocks, from its first block. */
export function sizeOfState(firstBlock: Uint8Array, bytesMax: number = STATE_BYTES): number {
  const view = viewOf(firstBlock);
  const jsonBytes = view.getUint32(HEADER.jsonBytes, true);
  return Math.min(bytesMax, alignUp(HEADER.end + jsonBytes, BLOCK_BYTES));
}

/** Never throws: a copy that cannot be used has the reason. */
export function parseState(copy: Uint8Array): StateCopy {
  const envelope = openEnvelope(copy);
  if ("invalid" in envelope) return envelope;
  const { generation, json } = envelope;
  const newer = versionAbove(json);
  if (newer !== undefined) return { generation, state: newerState(json), newer };
  const result = v.safeParse(stateSchema, json);
  if (result.success) return { generation, state: result.output };
  const [issue] = result.issues;
  return { invalid: `${v.getDotPath(issue) ?? "it"}: ${issue.message}` };
}

/** Never throws. */
export function openEnvelope(copy: Uint8Array): Envelope {
  const bytes = Buffer.from(copy.buffer, copy.byteOffset, copy.byteLength);
  if (bytes.byteLength < HEADER.end) return { invalid: `it has only ${bytes.byteLength} bytes` };
  if (bytes.subarray(0, HEADER.end).every((byte) => byte === 0)) return { invalid: "it is empty" };
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC)
    return { invalid: `it does not begin with ${MAGIC}` };
  const format = bytes.readUInt32LE(HEADER.format);
  if (format !== FORMAT) return { invalid: `its format is ${format}, want ${FORMAT}` };
  const jsonBytes = bytes.readUInt32LE(HEADER.jsonBytes);
  if (jsonBytes > bytes.byteLength - HEADER.end)
    return { invalid: `it claims ${jsonBytes} bytes of text` };
  if (!hashOf(bytes, jsonBytes).equals(bytes.subarray(HEADER.sha256, HEADER.end)))
    return { invalid: "its hash is wrong" };
  const generation = Number(bytes.readBigUInt64LE(HEADER.generation));
  if (!Number.isSafeInteger(generation)) return { invalid: `its generation is ${generation}` };
  try {
    const text = bytes.toString("utf8", HEADER.end, HEADER.end + jsonBytes);
    return { generation, json: JSON.parse(text) as unknown };
  } catch {
    return { invalid: "it is not JSON" };
  }
}

/** Which copy is in force. */
export function chooseState(
  copy0: { readonly generation: number } | { readonly invalid: string },
  copy1: { readonly generation: number } | { readonly invalid: string },
): 0 | 1 | undefined {
  if ("invalid" in copy0) return "invalid" in copy1 ? undefined : 1;
  if ("invalid" in copy1) return 0;
  return copy1.generation > copy0.generation ? 1 : 0;
}

/** A state, or the changes to one. */
interface Remembered {
  readonly slots: Readonly<Partial<State["slots"]>>;
  readonly history: readonly unknown[];
  /** For changes: the generation of their state. */
  readonly base?: number;
}

/**
 * The JSON of `whole`, without the oldest events that do not fit. Throws "disk" when it does not fit without any event.
 */
export function fitting(whole: Remembered, bytesMax: number): Uint8Array {
  for (let dropped = 0; dropped <= whole.history.length; dropped += 1) {
    const json = Buffer.from(textOf({ ...whole, history: whole.history.slice(dropped) }), "utf8");
    if (HEADER.end + json.byteLength <= bytesMax) return json;
  }
  throw new TandemError("disk", `Cannot write the state: it is larger than ${bytesMax} bytes`);
}

/**
 * A slot with a status of a newer tandem is written as it was read. A slot of a layout with image files is written when
 * something is known of it.
 */
function textOf(whole: Remembered): string {
  const slots = Object.entries(whole.slots)
    .filter(([name, slot]) => isPartitionSlot(name) || !Bun.deepEquals(slot, { status: "unknown" }))
    .map(([name, slot]): [string, object] => [name, slot.status === "other" ? slot.raw : slot]);
  return JSON.stringify({ ...whole, slots: Object.fromEntries(slots) });
}

function hashOf(bytes: Buffer, jsonBytes: number): Buffer {
  const hasher = new Bun.CryptoHasher("sha256");
  hasher.update(bytes.subarray(0, HEADER.sha256));
  hasher.update(bytes.subarray(HEADER.end, HEADER.end + jsonBytes));
  return hasher.digest();
}
