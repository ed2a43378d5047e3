import type { ByteString } from "../lib/byte-string.ts";
import { viewOf } from "./field.ts";

/** A name goes in 32 bytes at a time, as eight words. */
const PIECE_BYTES = 32;
const WORDS = 8;
/** Stands for "end of the directory" in the kernel, so no name may have it. */
const END_OF_DIRECTORY = 0xfffffffe;

/** The three rounds of half MD4: which word each step takes, how far it turns, what it adds. */
const ROUNDS = [
  { mix: choose, words: [0, 1, 2, 3, 4, 5, 6, 7], turns: [3, 7, 11, 19], add: 0 },
  { mix: majority, words: [1, 3, 5, 7, 0, 2, 4, 6], turns: [3, 5, 9, 13], add: 0x5a827999 },
  { mix: parity, words: [3, 7, 2, 6, 1, 5, 0, 4], turns: [3, 9, 11, 15], add: 0x6ed9eba1 },
] as const;

const piece = new Int32Array(WORDS);

/**
 * The hash by which an indexed directory is sorted: half MD4 over the bytes of `name` taken as unsigned, started with the 16 bytes of
 * `seed` from the superblock. Even: the lowest bit of a hash in an index means something else.
 */
export function nameHash(name: ByteString, seed: Uint8Array): number {
  const view = viewOf(seed);
  const state = Int32Array.from({ length: 4 }, (_, index) => view.getInt32(index * 4, true));
  for (let at = 0; at < name.length; at += PIECE_BYTES) {
    fillPiece(name, at);
    halfMd4(state);
  }
  const hash = ((state[1] ?? 0) & ~1) >>> 0;
  return hash === END_OF_DIRECTORY ? END_OF_DIRECTORY - 2 : hash;
}

/** The words of `name` from `start` on; what is missing is filled with the count of the bytes that are left. */
function fillPiece(name: ByteString, start: number): void {
  const left = name.length - start;
  const end = Math.min(name.length, start + PIECE_BYTES);
  const filler = Math.imul(left, 0x01010101);
  let at = start;
  for (let index = 0; index < WORDS; index += 1) {
    let word = filler;
    for (const stop = Math.min(end, at + 4); at < stop; at += 1)
      word = (name.charCodeAt(at) + (word << 8)) | 0;
    piece[index] = word;
  }
}

function halfMd4(state: Int32Array): void {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  for (const { mix, words, turns, add } of ROUNDS) {
    for (let step = 0; step < WORDS; step += 1) {
      const sum = (a + mix(b, c, d) + (piece[words[step] ?? 0] ?? 0) + add) | 0;
      const turn = turns[step % 4] ?? 0;
      [a, d, c, b] = [d, c, b, (sum << turn) | (sum >>> (32 - turn))];
    }
  }
  for (const [index, value] of [a, b, c, d].entries()) state[index] = (state[index] ?? 0) + value;
}

function choose(x: number, y: number, z: number): number {
  return z ^ (x & (y ^ z));
}

function majority(x: number, y: number, z: number): number {
  return (x & y) + ((x ^ y) & z);
}

function parity(x: number, y: number, z: number): number {
  return x ^ y ^ z;
}
