export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Returns a size for people: "17 B", "4.0 KiB", "1.5 GiB". */
export function formatBytes(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${UNITS[unit]}`;
}

/** Returns the smallest multiple of `unit` that is at least `value`. */
export function alignUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/**
 * Parses "1048576", "64M", "64MiB", "2G", "2GiB" to bytes; units are powers of 1024. Returns undefined for other texts.
 */
export function parseBytes(text: string): number | undefined {
  const match = /^([0-9]{1,15})(?:([KMGT])(?:iB)?|B)?$/i.exec(text);
  if (match === null) return undefined;
  const power = ["K", "M", "G", "T"].indexOf((match[2] ?? "").toUpperCase()) + 1;
  const sizeBytes = Number(match[1]) * 1024 ** power;
  return Number.isSafeInteger(sizeBytes) ? sizeBytes : undefined;
}
