import { alignUp, KiB, MiB } from "../../src/lib/units.ts";
import { LABELS } from "../../src/slot/labels.ts";

export type PartName = "bios" | "esp" | "control" | "a" | "b" | "recovery" | "data";

/** Sizes in bytes. A partition without a size is left out. */
export interface DiskSizes {
  readonly espBytes?: number;
  readonly controlBytes?: number;
  readonly slotBytes: number;
  readonly recoveryBytes?: number;
  readonly dataBytes?: number;
}

export interface Part<Name extends string = PartName> {
  readonly name: Name;
  readonly label: string;
  /** The type in the form of sgdisk(8). */
  readonly type: string;
  readonly number: number;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly partuuid: string;
}

/** The space for the backup table at the end. */
const BACKUP_BYTES = MiB;
const PARTS = [
  { name: "bios", label: "BIOS boot", type: "ef02", bytes: () => MiB },
  {
    name: "esp",
    label: "EFI system",
    type: "ef00",
    bytes: (s: DiskSizes) => s.espBytes ?? 64 * MiB,
  },
  {
    name: "control",
    label: LABELS.control,
    type: "8300",
    bytes: (s: DiskSizes) => s.controlBytes ?? MiB,
  },
  { name: "a", label: LABELS.a, type: "8300", bytes: (s: DiskSizes) => s.slotBytes },
  { name: "b", label: LABELS.b, type: "8300", bytes: (s: DiskSizes) => s.slotBytes },
  {
    name: "recovery",
    label: LABELS.recovery,
    type: "8300",
    bytes: (s: DiskSizes) => s.recoveryBytes ?? 0,
  },
  { name: "data", label: "data", type: "8300", bytes: (s: DiskSizes) => s.dataBytes ?? 0 },
] as const;

/** Places the partitions of a tandem disk. */
export function layOut(sizes: DiskSizes): readonly Part[] {
  return placeParts(PARTS.map(({ bytes, ...part }) => ({ ...part, sizeBytes: bytes(sizes) })));
}

type Unplaced<Name extends string> = Pick<Part<Name>, "name" | "label" | "type" | "sizeBytes">;

/** Places partitions one after another, each at a whole MiB. A part without a size is left out. */
export function placeParts<Name extends string>(wanted: readonly Unplaced<Name>[]): Part<Name>[] {
  const parts: Part<Name>[] = [];
  let offsetBytes = MiB;
  for (const part of wanted) {
    const sizeBytes = alignUp(part.sizeBytes, 4 * KiB);
    if (sizeBytes === 0) continue;
    const number = parts.length + 1;
    parts.push({ ...part, number, offsetBytes, sizeBytes, partuuid: crypto.randomUUID() });
    offsetBytes = alignUp(offsetBytes + sizeBytes, MiB);
  }
  return parts;
}

/** How large the disk has to be. */
export function diskBytes(parts: readonly Part<string>[]): number {
  const end = Math.max(...parts.map((part) => part.offsetBytes + part.sizeBytes));
  return alignUp(end, MiB) + BACKUP_BYTES;
}
