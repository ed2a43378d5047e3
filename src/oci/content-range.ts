/** "bytes first-last/total" of RFC 9110 §14.4. */
export interface ContentRange {
  readonly firstByte: number;
  readonly lastByte: number;
  /** Undefined when the server sends "*": the size is unknown. */
  readonly totalBytes: number | undefined;
}

/** Returns undefined unless the text is exactly one range of bytes. */
export function parseContentRange(text: string): ContentRange | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(text);
  if (match === null) return undefined;
  const firstByte = Number(match[1]);
  const lastByte = Number(match[2]);
  const totalBytes = match[3] === "*" ? undefined : Number(match[3]);
  if (lastByte < firstByte || (totalBytes !== undefined && lastByte >= totalBytes))
    return undefined;
  return { firstByte, lastByte, totalBytes };
}
