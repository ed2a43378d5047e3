import type { ByteString } from "../lib/byte-string.ts";

/** A name is hashed in pieces of 32 bytes, which are eight words. */
const PIECE_BYTES = 32;
const WORDS = 8;
/** The kernel uses this value for the end of a directory, so it must not be the hash of a name. */
const END_OF_DIRECTORY = 0xfffffffe;

const piece = new Int32Array(WORDS);
const state = new Int32Array(4);

/**
 * Computes the hash by which an indexed directory is sorted: half MD4 over the unsigned bytes of `name`. `seed` is the
 * superblock's 16-byte seed. The result is even, because the lowest bit of a hash in an index has another meaning.
 */
export function nameHash(name: ByteString, seed: Uint8Array): number {
  for (let word = 0; word < 4; word += 1) state[word] = wordAt(seed, word * 4);
  for (let at = 0; at < name.length; at += PIECE_BYTES) {
    fillPiece(name, at);
    halfMd4();
  }
  const hash = ((state[1] ?? 0) & ~1) >>> 0;
  return hash === END_OF_DIRECTORY ? END_OF_DIRECTORY - 2 : hash;
}

function wordAt(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  return low | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

/**
 * Fills `piece` with the words of `name` from `start` on. Missing bytes are filled with the number of remaining bytes.
 */
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

/** Three rounds of eight steps over `state`. Each round has its own mixing function and its own order of the words. */
// oxlint-disable-next-line complexity -- Each ?? counts, and none is taken.
function halfMd4(): void {
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  let c = state[2] ?? 0;
  let d = state[3] ?? 0;
  for (let at = 0; at < WORDS; at += 4) {
    a = turned(a + choose(b, c, d) + (piece[at] ?? 0), 3);
    d = turned(d + choose(a, b, c) + (piece[at + 1] ?? 0), 7);
    c = turned(c + choose(d, a, b) + (piece[at + 2] ?? 0), 11);
    b = turned(b + choose(c, d, a) + (piece[at + 3] ?? 0), 19);
  }
  for (let at = 1; at >= 0; at -= 1) {
    a = turned(a + majority(b, c, d) + (piece[at] ?? 0) + 0x5a827999, 3);
    d = turned(d + majority(a, b, c) + (piece[at + 2] ?? 0) + 0x5a827999, 5);
    c = turned(c + majority(d, a, b) + (piece[at + 4] ?? 0) + 0x5a827999, 9);
    b = turned(b + majority(c, d, a) + (piece[at + 6] ?? 0) + 0x5a827999, 13);
  }
  for (let at = 3; at >= 1; at -= 2) {
    a = turned(a + parity(b, c, d) + (piece[at] ?? 0) + 0x6ed9eba1, 3);
    d = turned(d + parity(a, b, c) + (piece[at + 4] ?? 0) + 0x6ed9eba1, 9);
    c = turned(c + parity(d, a, b) + (piece[at - 1] ?? 0) + 0x6ed9eba1, 11);
    b = turned(b + parity(c, d, a) + (piece[at + 3] ?? 0) + 0x6ed9eba1, 15);
  }
  state[0] = (state[0] ?? 0) + a;
  state[1] = (state[1] ?? 0) + b;
  state[2] = (state[2] ?? 0) + c;
  state[3] = (state[3] ?? 0) + d;
}

function turned(sum: number, bits: number): number {
  return (sum << bits) | ((sum | 0) >>> (32 - bits));
}

function choose(x: number, y: number, z: number): number {
  return z ^ (x & (y ^ z));
}

function majority(x: number, y: number, z: number): number {
  return ((x & y) + ((x ^ y) & z)) | 0;
}

function parity(x: number, y: number, z: number): number {
  return x ^ y ^ z;
}
