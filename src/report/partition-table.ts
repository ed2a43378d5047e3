import { reasonOf } from "../lib/error.ts";
import { type GptReading, readCopy, type Table } from "../disk/gpt.ts";
import { type BlockFile, readBlock } from "../system/block-file.ts";
import type { System } from "../system/system.ts";
import type { Part } from "./bundle.ts";
import { diskPathOf } from "./disk-path.ts";
import { single } from "./single.ts";

/** UEFI 2.10, table 5.5: the fields of a header. They hold no user data. */
const HEADER_BYTES = 92;
const SECTOR_BYTES = [512, 4096] as const;
const COPIES = ["primary", "backup"] as const;

/** Both copies of the partition table, also when they are damaged. */
export function partitionTablePart(system: System, named: string | undefined): Part {
  return single("partition-table", "partition-table.txt", () => {
    const path = diskPathOf(system, named);
    const disk = system.openBlock(path, { write: false });
    try {
      return tableText(disk);
    } finally {
      disk.close();
    }
  });
}

export function tableText(disk: BlockFile): string {
  const { name, sizeBytes, sectorBytes } = disk;
  const sectors = sectorBytes === undefined ? "" : `, sectors of ${sectorBytes} bytes`;
  return [
    `${name}: ${sizeBytes} bytes${sectors}`,
    ...COPIES.flatMap((which) => ["", ...copyLines(disk, which)]),
    "",
  ].join("\n");
}

function copyLines(disk: BlockFile, which: (typeof COPIES)[number]): string[] {
  const reading: GptReading = readCopy(disk, which);
  if ("table" in reading) return [`${which}: whole`, ...tableLines(reading.table)];
  return [`${which}: ${reading.problem}`, ...headerLines(disk, which)];
}

function tableLines({ diskGuid, sectorBytes, partitions }: Table): string[] {
  return [
    `disk ${diskGuid}, sectors of ${sectorBytes} bytes`,
    ...partitions.map(
      ({ number, label, offsetBytes, sizeBytes, typeGuid, uuid }) =>
        `${number} ${JSON.stringify(label)} offset ${offsetBytes} size ${sizeBytes} type ${typeGuid} uuid ${uuid}`,
    ),
  ];
}

/** The bytes where a header is expected, for each size of sectors. */
function headerLines(disk: BlockFile, which: (typeof COPIES)[number]): string[] {
  return SECTOR_BYTES.map((sectorBytes) => {
    const lba = which === "primary" ? 1 : Math.floor(disk.sizeBytes / sectorBytes) - 1;
    const offsetBytes = lba * sectorBytes;
    if (lba < 1 || offsetBytes + HEADER_BYTES > disk.sizeBytes) return `no sector ${lba}`;
    return `${offsetBytes}: ${hexAt(disk, offsetBytes)}`;
  });
}

function hexAt(disk: BlockFile, offsetBytes: number): string {
  try {
    return Buffer.from(readBlock(disk, offsetBytes, HEADER_BYTES)).toString("hex");
  } catch (error) {
    return `Cannot read it: ${reasonOf(error)}`;
  }
}
