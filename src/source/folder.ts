import { setTimeout as delay } from "node:timers/promises";
import { BLOCK_BYTES, CHUNK_BYTES } from "../disk/chunk.ts";
import { type ByteString, display } from "../lib/byte-string.ts";
import { TandemError } from "../lib/error.ts";
import { alignUp, MiB } from "../lib/units.ts";
import { DIRECTORY } from "../system/files.ts";
import type { FolderFile } from "../system/folder.ts";
import type { DataSink } from "../tar/entry.ts";
import { Exclusions } from "./exclusions.ts";
import type { OpenSource, TreeOutput, TreeProgress, TreeSummary } from "./source.ts";
import { DataHash, TreeHash } from "./tree-hash.ts";
import { changed, type WalkedFile, walkFolder } from "./walk-folder.ts";

/** After this much work signals and timers get their turn. */
const TURN_BYTES = 16 * MiB;
/** What an entry without data counts as. */
const ENTRY_BYTES = 16 * 1024;
/** The most names in one message. */
const NAMES_MAX = 20;

/** dir:DIRECTORY */
export const openDirectory: OpenSource = (path, { files, exclude, skip }) => {
  const exclusions = (): Exclusions => new Exclusions(exclude, skip);
  exclusions();
  const name = `dir:${path}`;
  const kind = files.kind(path);
  if (kind === undefined)
    throw new TandemError("source", `Cannot open "${name}": there is no such directory`);
  if (kind !== DIRECTORY)
    throw new TandemError("source", `Cannot open "${name}": it is ${kind}, want a directory`);
  return {
    kind: "tree",
    name,
    scan: (progress) => scan(path, exclusions(), progress),
    read: (summary, output) => read(path, exclusions(), { summary, output }),
    close() {},
  };
};

/** Reads the whole folder, to know what it is. */
async function scan(
  path: string,
  exclusions: Exclusions,
  progress: TreeProgress,
): Promise<TreeSummary> {
  const marks: number[] = [];
  const leftOut = { mount: new Set<ByteString>(), socket: new Set<ByteString>() };
  const hash = new TreeHash();
  const turns = new Turns(progress);
  const memory = new Uint8Array(CHUNK_BYTES);
  let [dataBytes, timeSeconds] = [0, 0];
  const onLeftOut = (kind: "mount" | "socket", at: ByteString): void => void leftOut[kind].add(at);
  for (const walked of walkFolder({ path, exclusions, onLeftOut })) {
    const data = new DataHash();
    await readData(walked, { folder: path, memory }, async (offsetBytes, bytes) => {
      data.update(offsetBytes, bytes);
      dataBytes += bytes.byteLength;
      await turns.spend(bytes.byteLength);
    });
    if (marks.length === 0) timeSeconds = Math.max(0, walked.entry.mtime.seconds);
    marks.push(hash.add(walked.entry, walked.file && data.digest()));
    await turns.spend(0);
  }
  const warnings = [
    ...warningOf("left out what is mounted on", [...leftOut.mount].map(display)),
    ...warningOf("left out the socket", [...leftOut.socket].map(display)),
    ...warningOf("found nothing to exclude at", exclusions.unseen()),
  ].map((text) => `dir:${path}: ${text}, continuing`);
  return { digest: hash.digest(), timeSeconds, dataBytes, marks, warnings };
}

interface Second {
  readonly summary: TreeSummary;
  readonly output: TreeOutput;
}

/** Reads the folder again and gives it to `output`. Throws "content" when it is not what scan() has read. */
async function read(
  path: string,
  exclusions: Exclusions,
  { summary, output }: Second,
): Promise<void> {
  const { sink, onEntry } = output;
  const hash = new TreeHash();
  const turns = new Turns(output);
  const memory = new Uint8Array(CHUNK_BYTES);
  let count = 0;
  for (const walked of walkFolder({ path, exclusions, onLeftOut() {} })) {
    const { entry, status, file } = walked;
    const data = new DataHash();
    if (file !== undefined) sink.begin(status.sizeBytes, dataBytesOf(file, status.sizeBytes));
    await readData(walked, { folder: path, memory }, async (offsetBytes, bytes) => {
      data.update(offsetBytes, bytes);
      put(sink, offsetBytes, bytes);
      await turns.spend(bytes.byteLength);
    });
    if (hash.add(entry, file && data.digest()) !== summary.marks[count])
      throw changed(path, entry.path, "it, or a name before it, is not what it was at first");
    count += 1;
    onEntry(
      entry.kind === "file" && file !== undefined ? { ...entry, extents: sink.end() } : entry,
    );
    await turns.spend(0);
  }
  if (hash.digest() !== summary.digest)
    throw new TandemError(
      "content",
      `Cannot read dir:${path}: files are gone that were there at first`,
    );
}

function put(sink: DataSink, offsetBytes: number, bytes: Uint8Array): void {
  sink.seek(offsetBytes);
  sink.write(bytes);
}

/** Reads the data of a file in whole blocks. A piece is valid until the next one. */
async function readData(
  { entry, status, file }: WalkedFile,
  { folder, memory }: { readonly folder: string; readonly memory: Uint8Array },
  onPiece: (offsetBytes: number, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  if (file === undefined) return;
  for (const [startBytes, endBytes] of blocksWithData(file, status.sizeBytes))
    for (let at = startBytes; at < endBytes; at += CHUNK_BYTES) {
      const bytes = memory.subarray(0, Math.min(CHUNK_BYTES, endBytes - at));
      if (!fill(file, at, bytes))
        throw changed(folder, entry.path, "it became shorter while it was read");
      await onPiece(at, bytes);
    }
}

/** The ranges of whole blocks that have data. File systems may end a hole anywhere. */
function* blocksWithData(
  file: FolderFile,
  sizeBytes: number,
): Generator<readonly [startBytes: number, endBytes: number]> {
  let endBytes = 0;
  while (endBytes < sizeBytes) {
    const data = file.nextData(endBytes);
    if (data === undefined) return;
    const startBytes = Math.max(endBytes, Math.floor(data.offsetBytes / BLOCK_BYTES) * BLOCK_BYTES);
    endBytes = Math.min(alignUp(data.endBytes, BLOCK_BYTES), sizeBytes);
    yield [startBytes, endBytes];
  }
}

function dataBytesOf(file: FolderFile, sizeBytes: number): number {
  let dataBytes = 0;
  for (const [startBytes, endBytes] of blocksWithData(file, sizeBytes))
    dataBytes += endBytes - startBytes;
  return dataBytes;
}

/** Returns whether the file has so many bytes. */
function fill(file: FolderFile, offsetBytes: number, target: Uint8Array): boolean {
  for (let done = 0; done < target.byteLength;) {
    const count = file.read(offsetBytes + done, target.subarray(done));
    if (count === 0) return false;
    done += count;
  }
  return true;
}

/** Lets signals and timers in now and then, and reports what was read. */
class Turns {
  readonly #progress: TreeProgress;
  #doneBytes = 0;
  #spentBytes = 0;

  constructor(progress: TreeProgress) {
    this.#progress = progress;
  }

  async spend(bytes: number): Promise<void> {
    this.#doneBytes += bytes;
    this.#spentBytes += bytes + ENTRY_BYTES;
    if (this.#spentBytes < TURN_BYTES) return;
    this.#spentBytes = 0;
    this.#progress.onProgress(this.#doneBytes);
    await delay(0);
    if (this.#progress.signal.aborted)
      throw new TandemError("interrupted", "Stopped on request while the folder was read");
  }
}

function warningOf(what: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const list = names.slice(0, NAMES_MAX).map((name) => `"${name}"`);
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : "";
  return [`${what} ${list.join(", ")}${more}`];
}
