/** Chooses tandem's EFI system partition. The ESP of another system must never be changed. */
import { reasonOf, TandemError } from "../../lib/error.ts";
import type { EspPlace, Layout } from "../../slot/layout.ts";
import type { DurableFiles } from "../../system/durable-files.ts";
import type { Files } from "../../system/files.ts";
import { readEfiVariable } from "./efi-variable.ts";
import type { Esp } from "./esp.ts";
import { type EspRoute, openEsp } from "./open-esp.ts";

const FOLDER = "/tandem";
/** More marks do not help the reader of a message. */
const MARKS_SHOWN_MAX = 3;

/** The EFI system partition that tandem uses. It is chosen at its first use and then kept: one run changes one partition. */
export interface TandemEsp {
  /** undefined: the disk has none. The caller closes it. Throws `boot`, also when the disk has several and none can be chosen. */
  readonly open: (access: { readonly write: boolean }) => Esp | undefined;
  /** Which one was chosen, and why, for people. undefined: the disk has no other. Throws `boot` as `open` does. */
  readonly seen: () => string | undefined;
}

interface Choice {
  readonly esp: EspPlace | undefined;
  readonly seen: string | undefined;
}

interface Surroundings {
  readonly files: Pick<Files, "readBytes">;
  readonly durable: DurableFiles;
  /** What is on an ESP only if tandem uses a boot loader there, outside /tandem. */
  readonly ownMarks: (esp: Esp) => readonly string[];
}

/** The disk with its EFI system partitions. */
type EspDisk = Pick<Layout, "diskPath" | "esps" | "booted">;

export function tandemEsp(surroundings: Surroundings, disk: EspDisk): TandemEsp {
  let choice: Choice | undefined;
  const chosen = (): Choice => {
    choice ??= choose(surroundings, disk);
    return choice;
  };
  return {
    open(access) {
      const { esp } = chosen();
      return esp && openEsp({ files: surroundings.durable, diskPath: disk.diskPath, esp }, access);
    },
    seen: () => chosen().seen,
  };
}

/** What tandem has left on an EFI system partition. */
interface MarkedEsp {
  readonly esp: EspPlace;
  readonly marks: readonly string[];
  /** Why the partition cannot be read. */
  readonly unreadable: string | undefined;
}

function choose({ files, durable, ownMarks }: Surroundings, disk: EspDisk): Choice {
  const { diskPath, esps } = disk;
  const [only] = esps;
  // A single ESP is not opened: it may have no file system yet.
  if (esps.length < 2) return { esp: only, seen: undefined };
  const all = esps.map((esp) => marksOf({ files: durable, diskPath, esp }, ownMarks));
  const marked = all.filter(({ marks }) => marks.length > 0);
  const [one] = marked;
  if (one !== undefined && marked.length === 1)
    return choiceOf(one.esp, disk, `it has ${listMarks(one)}`);
  const booted = bootedEsp(files, disk);
  if (booted !== undefined) return choiceOf(booted, disk, "the boot loader was started from it");
  throw new TandemError(
    "boot",
    `Cannot tell which EFI system partition of ${diskPath} is tandem's: ${all.map(describe).join("; ")}`,
    { hint: "Name its partition label in the configuration: labels: { esp: LABEL }." },
  );
}

/** An ESP that cannot be read must not hide another one. */
function marksOf(route: EspRoute, ownMarks: Surroundings["ownMarks"]): MarkedEsp {
  const { esp } = route;
  try {
    const opened = openEsp(route, { write: false });
    try {
      const files = (opened.list(FOLDER) ?? []).map(({ name }) => `${FOLDER}/${name}`);
      return { esp, marks: [...files, ...ownMarks(opened)], unreadable: undefined };
    } finally {
      opened.close();
    }
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    return { esp, marks: [], unreadable: reasonOf(error) };
  }
}

/** The ESP from which this machine was booted, by the word of its boot loader. It counts only for the disk that the machine runs from. */
function bootedEsp(files: Surroundings["files"], { booted, esps }: EspDisk): EspPlace | undefined {
  if (booted === undefined) return undefined;
  const uuid = readEfiVariable(files, "LoaderDevicePartUUID")?.toLowerCase();
  const found = esps.filter((esp) => esp.uuid === uuid);
  return found.length === 1 ? found[0] : undefined;
}

function choiceOf(esp: EspPlace, { esps }: EspDisk, why: string): Choice {
  const others = esps.filter((other) => other !== esp).map(({ name }) => name);
  return { esp, seen: `${esp.name}, not ${others.join(" or ")}: ${why}` };
}

function describe(marked: MarkedEsp): string {
  const { esp, marks, unreadable } = marked;
  const what =
    unreadable ??
    (marks.length === 0 ? "it has no files of tandem" : `it has ${listMarks(marked)}`);
  return `${esp.name} "${esp.label}": ${what}`;
}

function listMarks({ marks }: MarkedEsp): string {
  const more = marks.length > MARKS_SHOWN_MAX ? ", …" : "";
  return `${marks.slice(0, MARKS_SHOWN_MAX).join(", ")}${more}`;
}
