/** The parts of ELF64 (little-endian, x86-64) that packing reads and changes: tables of fields, and functions to read them. */

/** A field of a structure: its offset and size in bytes. */
type Field = readonly [offset: number, size: 1 | 2 | 4 | 8];

/** https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html */
export const FILE_HEADER = {
  magic: [0, 4],
  classAndData: [4, 2],
  type: [16, 2],
  machine: [18, 2],
  entry: [24, 8],
  programHeaders: [32, 8],
  sectionHeaders: [40, 8],
  programHeaderBytes: [54, 2],
  programHeaderCount: [56, 2],
  sectionHeaderCount: [60, 2],
  sectionNamesIndex: [62, 2],
} as const satisfies Record<string, Field>;

export const PROGRAM_HEADER = {
  type: [0, 4],
  flags: [4, 4],
  offset: [8, 8],
  address: [16, 8],
  physicalAddress: [24, 8],
  fileBytes: [32, 8],
  memoryBytes: [40, 8],
  align: [48, 8],
} as const satisfies Record<string, Field>;
export const PROGRAM_HEADER_BYTES = 56;

export const DYNAMIC = { tag: [0, 8], value: [8, 8] } as const satisfies Record<string, Field>;
const DYNAMIC_BYTES = 16;

/** https://refspecs.linuxbase.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/symversion.html */
export const VERSION_NEED = { file: [4, 4], next: [12, 4] } as const satisfies Record<
  string,
  Field
>;

const ELF_MAGIC = 0x464c457f;
/** ELFCLASS64, ELFDATA2LSB. */
const CLASS64_LITTLE_ENDIAN = 0x0102;
const MACHINE_X86_64 = 62;
export const FILE_TYPE = { executable: 2, shared: 3 } as const;
export const SEGMENT = {
  null: 0,
  load: 1,
  dynamic: 2,
  interpreter: 3,
  note: 4,
  headers: 6,
} as const;
export const SEGMENT_FLAG = { execute: 1, write: 2, read: 4 } as const;
export const TAG = {
  null: 0,
  needed: 1,
  stringTable: 5,
  stringTableBytes: 10,
  soname: 14,
  versionNeed: 0x6ffffffe,
  versionNeedCount: 0x6fffffff,
} as const;

export const PAGE_BYTES = 4096;

export function pageUp(address: number): number {
  return Math.ceil(address / PAGE_BYTES) * PAGE_BYTES;
}

/** An ELF file in memory. `name` is for messages. */
export interface Elf {
  readonly name: string;
  readonly bytes: Buffer;
}

export function get(bytes: Buffer, at: number, [offset, size]: Field): number {
  if (size < 8) return bytes.readUIntLE(at + offset, size);
  const value = bytes.readBigUInt64LE(at + offset);
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new RangeError(`Cannot read ELF field at byte ${at + offset}: ${value} is too large`);
  return Number(value);
}

export function set(
  bytes: Buffer,
  at: number,
  [[offset, size], value]: readonly [Field, number],
): void {
  if (size < 8) bytes.writeUIntLE(value, at + offset, size);
  else bytes.writeBigUInt64LE(BigInt(value), at + offset);
}

/** Throws unless this is an x86-64 ELF file of the given type. */
export function checkHeader({ name, bytes }: Elf, type: number): void {
  const want = [
    [FILE_HEADER.magic, ELF_MAGIC],
    [FILE_HEADER.classAndData, CLASS64_LITTLE_ENDIAN],
    [FILE_HEADER.machine, MACHINE_X86_64],
    [FILE_HEADER.type, type],
    [FILE_HEADER.programHeaderBytes, PROGRAM_HEADER_BYTES],
  ] as const;
  for (const [field, value] of want) {
    const got = bytes.length < 64 ? undefined : get(bytes, 0, field);
    if (got !== value)
      throw new Error(
        `Cannot use "${name}": ELF header byte ${field[0]} is ${got}, want ${value} (a 64-bit x86-64 file of type ${type})`,
      );
  }
}

/** A program header, and its offset in the file. */
export interface Segment {
  readonly at: number;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
}

export function segmentsOf({ bytes }: Elf): Segment[] {
  const start = get(bytes, 0, FILE_HEADER.programHeaders);
  return Array.from({ length: get(bytes, 0, FILE_HEADER.programHeaderCount) }, (_, index) => {
    const at = start + index * PROGRAM_HEADER_BYTES;
    return {
      at,
      type: get(bytes, at, PROGRAM_HEADER.type),
      flags: get(bytes, at, PROGRAM_HEADER.flags),
      offset: get(bytes, at, PROGRAM_HEADER.offset),
      address: get(bytes, at, PROGRAM_HEADER.address),
      fileBytes: get(bytes, at, PROGRAM_HEADER.fileBytes),
      memoryBytes: get(bytes, at, PROGRAM_HEADER.memoryBytes),
    };
  });
}

/** The segments that the kernel maps, by ascending address. */
export function loadsOf(elf: Elf): Segment[] {
  return segmentsOf(elf).filter(({ type }) => type === SEGMENT.load);
}

/** Returns the only segment of this type. */
export function onlySegment(elf: Elf, type: number): Segment {
  const [found, ...more] = segmentsOf(elf).filter((segment) => segment.type === type);
  if (found === undefined || more.length > 0)
    throw new Error(
      `Cannot use "${elf.name}": it has ${found ? more.length + 1 : 0} program headers of type ${type}, want 1`,
    );
  return found;
}

/** Returns the file offset of the byte at `address`. */
export function offsetOf(elf: Elf, address: number): number {
  const segment = loadsOf(elf).find(
    ({ address: start, fileBytes }) => start <= address && address < start + fileBytes,
  );
  if (segment === undefined)
    throw new Error(`Cannot use "${elf.name}": no segment holds address 0x${address.toString(16)}`);
  return segment.offset + address - segment.address;
}

/** An entry of the dynamic section, and its offset in the file. */
interface DynamicEntry {
  readonly at: number;
  readonly tag: number;
  readonly value: number;
}

export function dynamicOf(elf: Elf): DynamicEntry[] {
  const { offset, fileBytes } = onlySegment(elf, SEGMENT.dynamic);
  const entries = Array.from({ length: fileBytes / DYNAMIC_BYTES }, (_, index) => {
    const at = offset + index * DYNAMIC_BYTES;
    return { at, tag: get(elf.bytes, at, DYNAMIC.tag), value: get(elf.bytes, at, DYNAMIC.value) };
  });
  return entries.slice(
    0,
    entries.findIndex(({ tag }) => tag === TAG.null),
  );
}

/** Returns the only dynamic entry with this tag. */
export function onlyDynamic(elf: Elf, tag: number): DynamicEntry {
  const [found, ...more] = dynamicOf(elf).filter((entry) => entry.tag === tag);
  if (found === undefined || more.length > 0)
    throw new Error(
      `Cannot use "${elf.name}": it has ${found ? more.length + 1 : 0} dynamic entries ${tag}, want 1`,
    );
  return found;
}

export function stringTableOf(elf: Elf): Buffer {
  const start = offsetOf(elf, onlyDynamic(elf, TAG.stringTable).value);
  return elf.bytes.subarray(start, start + onlyDynamic(elf, TAG.stringTableBytes).value);
}

/** Returns the NUL-terminated text at `offset` of a string table. */
export function stringAt(table: Buffer, offset: number): string {
  return table.toString("latin1", offset, table.indexOf(0, offset));
}

/** Returns the names of the shared libraries that the loader must find. */
export function neededBy(elf: Elf): string[] {
  const table = stringTableOf(elf);
  return dynamicOf(elf)
    .filter(({ tag }) => tag === TAG.needed)
    .map(({ value }) => stringAt(table, value));
}
