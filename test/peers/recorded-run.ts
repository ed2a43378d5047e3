/** Records the operations of a program on a disk-image file from its system calls. */
import { readFileSync } from "node:fs";
import type { Operation } from "../fakes/recorded-disk.ts";

type Write = Extract<Operation, { kind: "write" }>;

/** The limit for strings in strace's output, larger than any write. */
const BYTES_SHOWN_MAX = 4 * 1024 * 1024;
const CALLS =
  "write,pwrite64,writev,pwritev,pwritev2,ftruncate,fallocate,io_submit,io_getevents,fsync,fdatasync";

/** Returns the command that runs a program and writes its system calls to `trace`. */
export function recording(trace: string): string[] {
  const shown = ["-e", "signal=none", "-s", `${BYTES_SHOWN_MAX}`];
  return ["strace", "-f", "-y", "-xx", ...shown, "-e", `trace=${CALLS}`, "-o", trace];
}

/**
 * Returns all changes of the file at `disk`, in the order of the requests. Throws for a change that cannot be replayed.
 */
export function operationsIn(trace: string, disk: string): Operation[] {
  const underWay = new Map<string, Write>();
  return [...callsIn(readFileSync(trace, "latin1"))].flatMap((call) =>
    operationsOf(call, disk, underWay),
  );
}

/** A write counts from its request, a flush and the end of a queued write from their confirmation. */
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
  /** The arguments of the call, as far as strace has printed them. */
  readonly text: string;
  readonly begins: boolean;
  readonly ends: boolean;
}

/** strace prints a call in two lines when another thread makes a call in between. */
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

/** strace prints every byte of a path as \xNN, so names are unambiguous. */
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
