import { reasonOf, TandemError } from "../lib/error.ts";
import { machineFailure } from "../system/failure.ts";
import type { Redactor } from "./redact.ts";

/** The content of a file in the bundle: a text, or an object that is written as JSON. */
export type PartContent = string | object;

/** One file of a part. Its content is read only when its turn comes, so that a failure concerns this file alone. */
export interface PartFile {
  /** Its path in the bundle. */
  readonly path: string;
  readonly read: () => PartContent;
}

/** All files about one subject. */
export interface Part {
  readonly name: string;
  readonly files: () => Iterable<PartFile> | AsyncIterable<PartFile>;
}

/** Something that could not be collected. */
export interface Missing {
  /** The part, or the file of it. */
  readonly name: string;
  readonly reason: string;
}

export interface BundleFile {
  readonly path: string;
  readonly text: string;
}

/** The archive format has 100 bytes for a path, and the folder of the bundle takes 31 of them. */
const PATH_CHARS_MAX = 64;
/** The end of a log matters more than its start. No list is longer. */
const FILE_CHARS_MAX = 1024 * 1024;
const FILES_MAX = 1000;

/** Collects parts one by one. It notes a part that fails, and goes on with the next one. */
export class Bundle {
  readonly #redactor: Redactor;
  readonly #signal: AbortSignal;
  readonly #files = new Map<string, string>();
  readonly #parts: string[] = [];
  readonly #missing: Missing[] = [];

  constructor(redactor: Redactor, signal: AbortSignal) {
    this.#redactor = redactor;
    this.#signal = signal;
  }

  /** Throws only when the operator asks to stop. */
  async collect({ name, files }: Part): Promise<void> {
    const before = this.#files.size;
    await this.#attempt(name, async () => {
      for await (const { path, read } of files())
        await this.#attempt(path, () => this.#add(path, read()));
    });
    if (this.#files.size > before) this.#parts.push(name);
  }

  /** The names of the parts that have at least one file in the bundle. */
  get parts(): readonly string[] {
    return this.#parts;
  }

  get missing(): readonly Missing[] {
    return this.#missing;
  }

  get files(): readonly BundleFile[] {
    const lines = this.#missing.map(({ name, reason }) => `${name}: ${reason}\n`);
    const all = [...this.#files].map(([path, text]) => ({ path, text }));
    return [...all, { path: "missing.txt", text: lines.join("") }];
  }

  async #attempt(name: string, action: () => void | Promise<void>): Promise<void> {
    this.#signal.throwIfAborted();
    try {
      await action();
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#missing.push({ name, reason: this.#redactor.text(reasonFor(error)) });
    }
  }

  #add(path: string, content: PartContent): void {
    if (this.#files.size >= FILES_MAX) throw new Error(`the bundle has ${FILES_MAX} files already`);
    const text =
      typeof content === "string"
        ? // Redact first: the rest of a secret that the cut divides would not be recognized.
          this.#redactor.text(content).slice(-FILE_CHARS_MAX)
        : `${JSON.stringify(this.#redactor.json(content), undefined, 2)}\n`;
    this.#files.set(freePath(path, this.#files), text);
  }
}

/** A bug must not stop the collection of other parts. Its stack is noted: the bundle is for finding it. */
function reasonFor(error: unknown): string {
  const known = machineFailure(error) ?? error;
  if (known instanceof TandemError) return reasonOf(known);
  const stack = known instanceof Error ? `\n${known.stack ?? ""}` : "";
  return `Cannot collect it: ${reasonOf(known)}${stack}`;
}

/** Names of files come from disks and firmware. The archive gets plain names of a limited length, each only once. */
function freePath(path: string, taken: ReadonlyMap<string, string>): string {
  const plain = path.replaceAll(/[^\w./+-]|\.\.+/g, "_").slice(-PATH_CHARS_MAX);
  const names = [
    plain,
    ...Array.from({ length: FILES_MAX }, (_, index) => `${plain}.${index + 1}`),
  ];
  return names.find((name) => !taken.has(name)) ?? plain;
}
