/**
 * Turns a compiled Bun program into an ELF file that contains its own C library and loader (segment.ts) and starts with the
 * stub (stub.c). It changes the entry point and the last program header (a note, which becomes the new segment), removes
 * the interpreter and the section headers, and changes all names of libraries: DT_NEEDED and the version needs.
 *
 * Other tools: file(1) prints "dynamically linked", without an interpreter. ldd(1) lists the host's libraries by the names in
 * the slots of the file. The program does not use these.
 */
import {
  checkHeader,
  DYNAMIC,
  dynamicOf,
  type Elf,
  FILE_HEADER,
  FILE_TYPE,
  get,
  loadsOf,
  neededBy,
  offsetOf,
  onlyDynamic,
  onlySegment,
  PAGE_BYTES,
  pageUp,
  PROGRAM_HEADER,
  SEGMENT,
  SEGMENT_FLAG,
  segmentsOf,
  set,
  stringAt,
  stringTableOf,
  TAG,
  VERSION_NEED,
} from "./elf.ts";
import { type Libraries, LOADER_NAME } from "./libraries.ts";
import { fill, type Layout, layOut, type Parts } from "./segment.ts";
import { STUB_ADDRESS, STUB_CODE_ADDRESS } from "./stub.ts";

const SECTION_FIELDS = ["sectionHeaders", "sectionHeaderCount", "sectionNamesIndex"] as const;

/** Returns the packed file. `program` is not changed. */
export function pack(parts: Parts): Buffer {
  const { program, carried } = parts;
  checkProgram(program, carried);
  const layout = layOut(parts);
  const segment = fill(parts, layout);
  const offset = pageUp(program.bytes.length);
  const packed = { name: program.name, bytes: Buffer.alloc(offset + segment.length) };
  program.bytes.copy(packed.bytes);
  segment.copy(packed.bytes, offset);
  renameLibraries(packed, carried, layout);
  enterThroughStub(packed, { offset, sizeBytes: segment.length });
  return packed.bytes;
}

/** Checks the properties of Bun's binary that packing needs and a later Bun could change. */
function checkProgram(program: Elf, { libraries }: Libraries): void {
  const refuse = (why: string): never => {
    throw new Error(`Cannot pack "${program.name}": ${why}`);
  };
  checkHeader(program, FILE_TYPE.executable);
  const interpreter = stringAt(program.bytes, onlySegment(program, SEGMENT.interpreter).offset);
  if (!interpreter.endsWith(`/${LOADER_NAME}`)) refuse(`its interpreter is "${interpreter}"`);
  if (segmentsOf(program).at(-1)?.type !== SEGMENT.note)
    refuse("its last program header is not a note, which could be given up");
  const end = Math.max(...loadsOf(program).map((load) => load.address + load.memoryBytes));
  if (end > STUB_ADDRESS) refuse(`it reaches to 0x${end.toString(16)}, past the stub's address`);
  const carriedNames = new Set([LOADER_NAME, ...libraries.map(({ name }) => name)]);
  const foreign = neededBy(program).filter((name) => !carriedNames.has(name));
  if (foreign.length > 0) refuse(`it needs ${foreign.join(", ")}, which is not carried`);
}

/** Points the string table to its copy and each library name to its slot. The loader keeps its soname. */
function renameLibraries(elf: Elf, { libraries }: Libraries, layout: Layout): void {
  const strings = stringTableOf(elf);
  const slots = new Map(
    libraries.map(({ name }, index) => [
      name,
      (layout.slotAddresses[index] ?? Number.NaN) - layout.stringsAddress,
    ]),
  );
  const slotOf = (offset: number): number => slots.get(stringAt(strings, offset)) ?? offset;
  for (const at of versionNeedsOf(elf))
    set(elf.bytes, at, [VERSION_NEED.file, slotOf(get(elf.bytes, at, VERSION_NEED.file))]);
  for (const { at, tag, value } of dynamicOf(elf)) {
    if (tag === TAG.needed) set(elf.bytes, at, [DYNAMIC.value, slotOf(value)]);
  }
  const { at: tableAt } = onlyDynamic(elf, TAG.stringTable);
  const { at: sizeAt } = onlyDynamic(elf, TAG.stringTableBytes);
  set(elf.bytes, tableAt, [DYNAMIC.value, layout.stringsAddress]);
  set(elf.bytes, sizeAt, [DYNAMIC.value, layout.stringsBytes]);
}

/** The file offsets of the entries of the version needs: a chain of relative offsets. */
function versionNeedsOf(elf: Elf): number[] {
  let at = offsetOf(elf, onlyDynamic(elf, TAG.versionNeed).value);
  return Array.from({ length: onlyDynamic(elf, TAG.versionNeedCount).value }, () => {
    const entry = at;
    at += get(elf.bytes, at, VERSION_NEED.next);
    return entry;
  });
}

function enterThroughStub(
  { bytes, ...elf }: Elf,
  { offset, sizeBytes }: { readonly offset: number; readonly sizeBytes: number },
): void {
  const last = segmentsOf({ bytes, ...elf }).at(-1);
  const interpreter = onlySegment({ bytes, ...elf }, SEGMENT.interpreter);
  const fields = [
    [PROGRAM_HEADER.type, SEGMENT.load],
    [PROGRAM_HEADER.flags, SEGMENT_FLAG.read + SEGMENT_FLAG.execute],
    [PROGRAM_HEADER.offset, offset],
    [PROGRAM_HEADER.address, STUB_ADDRESS],
    [PROGRAM_HEADER.physicalAddress, STUB_ADDRESS],
    [PROGRAM_HEADER.fileBytes, sizeBytes],
    [PROGRAM_HEADER.memoryBytes, sizeBytes],
    [PROGRAM_HEADER.align, PAGE_BYTES],
  ] as const;
  for (const field of fields) set(bytes, last?.at ?? Number.NaN, field);
  set(bytes, interpreter.at, [PROGRAM_HEADER.type, SEGMENT.null]);
  set(bytes, 0, [FILE_HEADER.entry, STUB_CODE_ADDRESS]);
  // No section covers the new segment, so strip(1) would cut it off. It refuses a file without sections.
  for (const field of SECTION_FIELDS) set(bytes, 0, [FILE_HEADER[field], 0]);
}
