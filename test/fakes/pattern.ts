/** Returns bytes that differ from their neighbours and depend on the length. */
export function patternOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + length) % 251);
}
