import * as v from "valibot";
import { TandemError } from "../lib/error.ts";
import { alignUp, KiB } from "../lib/units.ts";
import { stateSchema, type State } from "./state.ts";

/** One of the two copies of the state, as it lies on the disk. */
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
/** Copies are written, and read, in whole blocks. */
export const BLOCK_BYTES = 4 * KiB;

export type StateCopy =
  | { readonly generation: number; readonly state: State }
  | { readonly invalid: string };

/** Whole blocks. A state that is too large forgets its oldest events; throws `disk` when that is not enough. */
export function encodeState(generation: number, state: State): Uint8Array {
  const json = fittingJson(state);
  const bytes = Buffer.alloc(alignUp(HEADER.end + json.byteLength, BLOCK_BYTES));
  bytes.write(MAGIC, HEADER.magic, "latin1");
  bytes.writeUInt32LE(FORMAT, HEADER.format);
  bytes.writeUInt32LE(json.byteLength, HEADER.jsonBytes);
  bytes.writeBigUInt64LE(BigInt(generation), HEADER.generation);
  bytes.set(json, HEADER.end);
  bytes.set(hashOf(bytes, json.byteLength), HEADER.sha256);
  return bytes;
}

/** How much of a copy counts, in whole blocks, as its first block tells. */
export function sizeOfState(firstBlock: Uint8Array): number {
  const view = new DataView(firstBlock.buffer, firstBlock.byteOffset, firstBlock.byteLength);
  const jsonBytes = view.getUint32(HEADER.jsonBytes, true);
  return Math.min(STATE_BYTES, alignUp(HEADER.end + jsonBytes, BLOCK_BYTES));
}

/** Never throws: a copy that cannot be used says why. */
export function parseState(copy: Uint8Array): StateCopy {
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
  return parseJson(bytes.toString("utf8", HEADER.end, HEADER.end + jsonBytes), generation);
}

/** Which copy is in force. */
export function chooseState(copy0: StateCopy, copy1: StateCopy): 0 | 1 | undefined {
  if ("invalid" in copy0) return "invalid" in copy1 ? undefined : 1;
  if ("invalid" in copy1) return 0;
  return copy1.generation > copy0.generation ? 1 : 0;
}

function fittingJson(state: State): Buffer {
  for (let dropped = 0; dropped <= state.history.length; dropped += 1) {
    const history = state.history.slice(dropped);
    const json = Buffer.from(JSON.stringify({ ...state, history }), "utf8");
    if (HEADER.end + json.byteLength <= STATE_BYTES) return json;
  }
  throw new TandemError("disk", `Cannot write the state: it is larger than ${STATE_BYTES} bytes`);
}

function hashOf(bytes: Buffer, jsonBytes: number): Buffer {
  const hasher = new Bun.CryptoHasher("sha256");
  hasher.update(bytes.subarray(0, HEADER.sha256));
  hasher.update(bytes.subarray(HEADER.end, HEADER.end + jsonBytes));
  return hasher.digest();
}

function parseJson(text: string, generation: number): StateCopy {
  try {
    const result = v.safeParse(stateSchema, JSON.parse(text));
    if (result.success) return { generation, state: result.output };
    const [issue] = result.issues;
    return { invalid: `${v.getDotPath(issue) ?? "it"}: ${issue.message}` };
  } catch {
    return { invalid: "it is not JSON" };
  }
}
