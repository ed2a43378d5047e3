/**
 * The segment that packing adds, mapped at STUB_ADDRESS. In this order:
 *
 *   head      one page with the addresses of the other parts, for the stub (struct head in stub.c)
 *   code      the stub
 *   headers   the original program headers, because glibc before 2.37 requires an interpreter
 *   strings   the original string table, then one slot for each library, into which the stub writes the name to load
 *   images    the loader and the libraries, byte for byte
 */
import {
  type Elf,
  FILE_HEADER,
  get,
  loadsOf,
  PAGE_BYTES,
  pageUp,
  PROGRAM_HEADER,
  PROGRAM_HEADER_BYTES,
  SEGMENT,
  SEGMENT_FLAG,
  type Segment,
  segmentsOf,
  set,
  stringTableOf,
} from "./elf.ts";
import type { Libraries } from "./libraries.ts";
import { STUB_ADDRESS, STUB_CODE_ADDRESS } from "./stub.ts";

/** struct slot in stub.c: 28 bytes of path, 4 of descriptor. */
const SLOT_BYTES = 32;
/** The arrays in struct head, and the words of their elements. */
const SEGMENTS_MAX = 8;
const SEGMENT_WORDS = 4;
const LIBRARIES_MAX = 8;
const LIBRARY_WORDS = 3;

/** The parts of the segment. */
export interface Parts {
  readonly program: Elf;
  readonly stub: Buffer;
  readonly carried: Libraries;
}

/** The addresses of the parts in memory. */
export interface Layout {
  readonly headersAddress: number;
  readonly stringsAddress: number;
  readonly stringsBytes: number;
  /** In the order of `libraries`. */
  readonly slotAddresses: readonly number[];
  readonly loaderAddress: number;
  readonly libraryAddresses: readonly number[];
  readonly endAddress: number;
}

export function layOut({ program, stub, carried: { loader, libraries } }: Parts): Layout {
  const headersAddress = STUB_CODE_ADDRESS + Math.ceil(stub.length / 8) * 8;
  const headersBytes = segmentsOf(program).length * PROGRAM_HEADER_BYTES;
  // The stub writes to the slots, so their pages hold no code. Because of the alignment no slot crosses a page.
  const stringsAddress = pageUp(headersAddress + headersBytes);
  const slotsAddress =
    stringsAddress + Math.ceil(stringTableOf(program).length / SLOT_BYTES) * SLOT_BYTES;
  const slotAddresses = libraries.map((_, index) => slotsAddress + index * SLOT_BYTES);
  const slotsEnd = slotsAddress + libraries.length * SLOT_BYTES;
  const loaderAddress = pageUp(slotsEnd);
  let endAddress = loaderAddress + loader.bytes.length;
  const libraryAddresses = libraries.map(({ bytes }) => {
    const address = pageUp(endAddress);
    endAddress = address + bytes.length;
    return address;
  });
  return {
    headersAddress,
    stringsAddress,
    stringsBytes: slotsEnd - stringsAddress,
    slotAddresses,
    loaderAddress,
    libraryAddresses,
    endAddress,
  };
}

/** Returns the bytes of the segment. */
export function fill(parts: Parts, layout: Layout): Buffer {
  const { program, stub, carried } = parts;
  const segment = Buffer.alloc(layout.endAddress - STUB_ADDRESS);
  const pieces: (readonly [number | undefined, Buffer])[] = [
    [STUB_ADDRESS, head(parts, layout)],
    [STUB_CODE_ADDRESS, stub],
    [layout.headersAddress, headersCopy(program, layout.headersAddress)],
    [layout.stringsAddress, stringTableOf(program)],
    [layout.loaderAddress, carried.loader.bytes],
    ...carried.libraries.map(
      ({ bytes }, index) => [layout.libraryAddresses[index], bytes] as const,
    ),
    // In the file each slot holds the soname, so that ldd and similar tools see an ordinary dynamic file.
    ...carried.libraries.map(
      ({ name }, index) => [layout.slotAddresses[index], Buffer.from(name)] as const,
    ),
  ];
  for (const [address, bytes] of pieces)
    bytes.copy(segment, (address ?? Number.NaN) - STUB_ADDRESS);
  return segment;
}

/** struct head in stub.c: 64-bit words. */
function head({ program, carried }: Parts, layout: Layout): Buffer {
  const { loader, libraries } = carried;
  const segments = loaderSegments(loader);
  const end = Math.max(...segments.map(({ address, memoryBytes }) => address + memoryBytes));
  const words = [
    get(program.bytes, 0, FILE_HEADER.entry),
    layout.headersAddress,
    layout.loaderAddress,
    pageUp(end),
    get(loader.bytes, 0, FILE_HEADER.entry),
    addressOf(loader, "/etc/ld.so.preload\0"),
    segments.length,
    libraries.length,
    layout.slotAddresses[0] ?? 0,
    ...padded(
      segments.flatMap((s) => [s.offset, s.address, s.fileBytes, protectionOf(s)]),
      SEGMENTS_MAX * SEGMENT_WORDS,
    ),
    ...padded(
      libraries.flatMap(({ bytes }, index) => [
        layout.libraryAddresses[index] ?? 0,
        bytes.length,
        layout.slotAddresses[index] ?? 0,
      ]),
      LIBRARIES_MAX * LIBRARY_WORDS,
    ),
  ];
  return Buffer.from(BigUint64Array.from(words, BigInt).buffer);
}

function padded(words: readonly number[], length: number): number[] {
  if (words.length > length)
    throw new Error(
      `Cannot pack: ${words.length} words do not fit the ${length} of the stub's table`,
    );
  return [...words, ...Array.from({ length: length - words.length }, () => 0)];
}

/** The segments that the stub maps, in order. It protects whole pages, so no two segments may share a page. */
function loaderSegments(loader: Elf): Segment[] {
  const segments = loadsOf(loader);
  let freeAddress = 0;
  for (const { address, memoryBytes } of segments) {
    if (Math.floor(address / PAGE_BYTES) * PAGE_BYTES < freeAddress)
      throw new Error(`Cannot carry "${loader.name}": two of its segments share a page`);
    freeAddress = pageUp(address + memoryBytes);
  }
  if (segments[0]?.address !== 0)
    throw new Error(`Cannot carry "${loader.name}": its first segment does not begin at 0`);
  return segments;
}

/** The address of a text that occurs once in the file. */
function addressOf(elf: Elf, text: string): number {
  const offset = elf.bytes.indexOf(text);
  const segment = loadsOf(elf).find(
    (load) => load.offset <= offset && offset < load.offset + load.fileBytes,
  );
  if (segment === undefined || elf.bytes.includes(text, offset + 1))
    throw new Error(
      `Cannot carry "${elf.name}": want ${JSON.stringify(text)} once in its segments`,
    );
  return offset - segment.offset + segment.address;
}

/** PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4. */
function protectionOf({ flags }: Segment): number {
  return [
    [SEGMENT_FLAG.read, 1],
    [SEGMENT_FLAG.write, 2],
    [SEGMENT_FLAG.execute, 4],
  ].reduce((sum, [flag = 0, protection = 0]) => ((flags & flag) === 0 ? sum : sum + protection), 0);
}

/** The program headers. Only PT_PHDR is changed: the loader computes its load address from it. */
function headersCopy(program: Elf, address: number): Buffer {
  const segments = segmentsOf(program);
  const start = segments[0]?.at ?? 0;
  const copy = Buffer.from(
    program.bytes.subarray(start, start + segments.length * PROGRAM_HEADER_BYTES),
  );
  for (const { type, at } of segments) {
    if (type === SEGMENT.headers) set(copy, at - start, [PROGRAM_HEADER.address, address]);
  }
  return copy;
}
