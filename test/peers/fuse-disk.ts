/**
 * A disk in one file of a FUSE file system, which logs what the kernel writes to it: `bun fuse-disk.ts IMAGE FOLDER LOG`
 * serves a copy of IMAGE as FOLDER/disk until FOLDER is unmounted. A loop device on it shows every write and flush that
 * a file system makes. Needs root.
 */
import { openSync, readFileSync, readSync, writeSync } from "node:fs";
import { MiB } from "../../src/lib/units.ts";
import { viewOf } from "../../src/lib/view.ts";
import { encodeLogged } from "./disk-log.ts";
import { mount } from "./mount-calls.ts";

/** uapi/linux/fuse.h */
const OPCODE = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  flush: 25,
  init: 26,
  interrupt: 36,
  destroy: 38,
} as const;
const REQUEST_BYTES = 40;
const REPLY_BYTES = 16;
const WRITE_BYTES_MAX = MiB;
const FLAG = { bigWrites: 1 << 5, maxPages: 1 << 22 } as const;
const DIRECT_IO = 1;
const NODE = { root: 1, disk: 2 } as const;
const MODE = { folder: 0o4_0755, file: 0o10_0644 } as const;
const ERRNO = { enoent: 2, enosys: 38 } as const;

type Reply = Uint8Array | { readonly errno: number } | "none";

const [image = "", folder = "", log = ""] = process.argv.slice(2);
const disk = readFileSync(image);
const logFile = openSync(log, "wx");
const device = openSync("/dev/fuse", "r+");
mount({
  source: "fuse-disk",
  target: folder,
  type: "fuse",
  options: `fd=${device},rootmode=40000,user_id=0,group_id=0`,
});

/** Ends when the file system is unmounted: the device then fails with ENODEV. */
function serve(): void {
  const buffer = new Uint8Array(WRITE_BYTES_MAX + 4096);
  for (;;) {
    const bytes = nextRequest(buffer);
    if (bytes === undefined) return;
    const request = viewOf(bytes);
    const unique = request.getBigUint64(8, true);
    const reply = replyTo(request.getUint32(4, true), bytes);
    if (reply !== "none") send(unique, reply);
  }
}

function nextRequest(buffer: Uint8Array): Uint8Array | undefined {
  for (;;)
    try {
      return buffer.subarray(0, readSync(device, buffer, 0, buffer.byteLength, null));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "ENODEV") return undefined;
      // ENOENT: the request was interrupted before it was read.
      if (code !== "EINTR" && code !== "ENOENT" && code !== "EAGAIN") throw error;
    }
}

function send(unique: bigint, reply: Exclude<Reply, "none">): void {
  const body = reply instanceof Uint8Array ? reply : new Uint8Array(0);
  const bytes = new Uint8Array(REPLY_BYTES + body.byteLength);
  const view = viewOf(bytes);
  view.setUint32(0, bytes.byteLength, true);
  view.setInt32(4, reply instanceof Uint8Array ? 0 : -reply.errno, true);
  view.setBigUint64(8, unique, true);
  bytes.set(body, REPLY_BYTES);
  writeSync(device, bytes);
}

function replyTo(opcode: number, bytes: Uint8Array): Reply {
  const found = Object.entries(REPLIES).find(([name]) => codeOf(name) === opcode);
  return found === undefined ? { errno: ERRNO.enosys } : found[1](bytes);
}

const codeOf = (name: string): number | undefined =>
  Object.entries(OPCODE).find(([other]) => other === name)?.[1];

const NOTHING = new Uint8Array(0);
const REPLIES: Readonly<Record<keyof typeof OPCODE, (bytes: Uint8Array) => Reply>> = {
  init: initReply,
  lookup,
  getattr: (bytes) => attributesReply(Number(viewOf(bytes).getBigUint64(16, true))),
  open: () => words(16, (view) => view.setUint32(8, DIRECT_IO, true)),
  read(bytes) {
    const offset = Number(viewOf(bytes).getBigUint64(REQUEST_BYTES + 8, true));
    return disk.subarray(offset, offset + viewOf(bytes).getUint32(REQUEST_BYTES + 16, true));
  },
  write,
  fsync() {
    writeSync(logFile, encodeLogged({ kind: "flush" }));
    return NOTHING;
  },
  statfs: () => new Uint8Array(80),
  release: () => NOTHING,
  flush: () => NOTHING,
  destroy: () => NOTHING,
  forget: () => "none",
  interrupt: () => "none",
};

function write(bytes: Uint8Array): Uint8Array {
  const offsetBytes = Number(viewOf(bytes).getBigUint64(REQUEST_BYTES + 8, true));
  const data = bytes.subarray(REQUEST_BYTES + 40);
  disk.set(data, offsetBytes);
  writeSync(logFile, encodeLogged({ kind: "write", offsetBytes, bytes: data }));
  return words(8, (view) => view.setUint32(0, data.byteLength, true));
}

/** struct fuse_init_out */
function initReply(): Uint8Array {
  return words(64, (view) => {
    view.setUint32(0, 7, true);
    view.setUint32(4, 31, true);
    view.setUint32(12, FLAG.bigWrites | FLAG.maxPages, true);
    view.setUint16(16, 16, true);
    view.setUint16(18, 12, true);
    view.setUint32(20, WRITE_BYTES_MAX, true);
    view.setUint32(24, 1, true);
    view.setUint16(28, WRITE_BYTES_MAX / 4096, true);
  });
}

/** struct fuse_entry_out */
function lookup(bytes: Uint8Array): Reply {
  const name = Buffer.from(bytes.subarray(REQUEST_BYTES, -1)).toString();
  if (name !== "disk") return { errno: ERRNO.enoent };
  const reply = words(128, (view) => view.setBigUint64(0, BigInt(NODE.disk), true));
  reply.set(attributes(NODE.disk), 40);
  return reply;
}

/** struct fuse_attr_out */
function attributesReply(node: number): Uint8Array {
  const reply = new Uint8Array(104);
  reply.set(attributes(node), 16);
  return reply;
}

/** struct fuse_attr */
function attributes(node: number): Uint8Array {
  return words(88, (view) => {
    view.setBigUint64(0, BigInt(node), true);
    view.setBigUint64(8, BigInt(node === NODE.disk ? disk.byteLength : 0), true);
    view.setUint32(60, node === NODE.disk ? MODE.file : MODE.folder, true);
    view.setUint32(64, 1, true);
    view.setUint32(80, 4096, true);
  });
}

function words(sizeBytes: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  fill(viewOf(bytes));
  return bytes;
}

console.log("ready");
serve();
