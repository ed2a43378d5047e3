/** What a program asks of a disk-image file, recorded at the system calls. */
import { readFileSync } from "node:fs";
import type { Operation } from "../fakes/recorded-disk.ts";

type Write = Extract<Operation, { kind: "write" }>;

/** More than any write: strace cuts what is longer. */
const BYTES_SHOWN_MAX = 4 * 1024 * 1024;
const CALLS =
  "write,pwrite64,writev,pwritev,pwritev2,ftruncate,fallocate,io_submit,io_getevents,fsync,fdatasync";

/** The words that run a program so that `trace` tells what it did. */
export function recording(trace: string): string[] {
  const shown = ["-e", "signal=none", "-s", `${BYTES_SHOWN_MAX}`];
  return ["strace", "-f", "-y", "-xx", ...shown, "-e", `trace=${CALLS}`, "-o", trace];
}

/** All that changed the file at `disk`, in the order in which the threads asked for it. Throws for a change that cannot be repeated. */
export function operationsIn(trace: string, disk: string): Operation[] {
  const underWay = new Map<string, Write>();
  return [...callsIn(readFileSync(trace, "latin1"))].flatMap((call) =>
    operationsOf(call, disk, underWay),
  );
}

/** A write counts from when it is asked for, a flush and the end of a queued write from when they are confirmed. */
function operationsOf(call: Call, disk: string, underWay: Map<string, Write>): Operation[] {
  const { name, text, begins, ends } = call;
  switch (name) {
    case "io_submit":
      return begins ? submitted(text, disk, underWay) : [];
    case "io_getevents":
      return ends ? ended(text, underWay) : [];
    case "fsync":
    case "fdatasync":
      return ends && isOn(text, disk) ? [{ kind: "flush" }] : [];
    default:
      return begins && isOn(text, disk) ? [writeOf(name, text)] : [];
  }
}

interface Call {
  readonly name: string;
  /** Its arguments, as far as they were told. */
  readonly text: string;
  readonly begins: boolean;
  readonly ends: boolean;
}

/** A call that another thread interrupts is told in two lines. */
function* callsIn(trace: string): Generator<Call> {
  const interrupted = new Map<string, string>();
  for (const [, thread = "", resumed, begun, text = ""] of trace.matchAll(
    /^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$/gm,
  )) {
    const ends = !text.endsWith("<unfinished ...>");
    if (!ends) interrupted.set(thread, text);
    if (begun !== undefined) yield { name: begun, text, begins: true, ends };
    else
      yield {
        name: String(resumed),
        text: `${interrupted.get(thread)}${text}`,
        begins: false,
        ends: true,
      };
  }
}

/** Every byte of a path is told as \xNN, so no name can look like another. */
function isOn(text: string, disk: string): boolean {
  return new RegExp(`^\\d+<${RegExp.escape(escaped(disk))}>`).test(text);
}

function writeOf(name: string, text: string): Write {
  const [, bytes = "", size, offset] = text.match(/, "([^"]*)", (\d+), (\d+)/) ?? [];
  if (name !== "pwrite64" || size === undefined)
    throw new Error(`The disk is changed by ${name}: ${text.slice(0, 100)}`);
  return { kind: "write", offsetBytes: Number(offset), bytes: bytesOf(bytes, Number(size)) };
}

const REQUEST =
  /\{(?:aio_data=(\w+), )?aio_lio_opcode=(\w+), aio_fildes=\d+<([^>]*)>, aio_buf="([^"]*)", aio_nbytes=(\d+), aio_offset=(\d+)\}/g;

function submitted(text: string, disk: string, underWay: Map<string, Write>): Operation[] {
  return [...text.matchAll(REQUEST)].flatMap((request) => {
    const [, data = "0", opcode, path, bytes = "", size, offset] = request;
    if (path !== escaped(disk)) return [];
    if (opcode !== "IOCB_CMD_PWRITE") throw new Error(`The disk is changed by ${opcode}`);
    const write = {
      kind: "write",
      offsetBytes: Number(offset),
      bytes: bytesOf(bytes, Number(size)),
      queued: true,
    } as const;
    underWay.set(`${queueOf(text)} ${Number(data)}`, write);
    return [write];
  });
}

function ended(text: string, underWay: Map<string, Write>): Operation[] {
  return [...text.matchAll(/\{data=(\w+), /g)].flatMap(([, data = "0"]) => {
    const key = `${queueOf(text)} ${Number(data)}`;
    const of = underWay.get(key);
    underWay.delete(key);
    return of === undefined ? [] : [{ kind: "end", of } as const];
  });
}

function queueOf(text: string): string {
  return text.slice(0, text.indexOf(","));
}

function escaped(path: string): string {
  return [...Buffer.from(path)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

function bytesOf(text: string, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text.replaceAll("\\x", ""), "hex"));
  if (bytes.byteLength !== sizeBytes)
    throw new Error(`Recorded ${bytes.byteLength} of ${sizeBytes} bytes`);
  return bytes;
}
