/** Which EFI system partition of the disk is tandem's: that of another system must never be changed. */
import { reasonOf, TandemError } from "../../lib/error.ts";
import type { EspPlace, Layout } from "../../slot/layout.ts";
import type { DurableFiles } from "../../system/durable-files.ts";
import type { Files } from "../../system/files.ts";
import { readEfiVariable } from "./efi-variable.ts";
import type { Esp } from "./esp.ts";
import { type EspWay, openEsp } from "./open-esp.ts";

const FOLDER = "/tandem";
/** More of them tell people no more. */
const MARKS_SHOWN_MAX = 3;

/** The EFI system partition that tandem goes by. It is chosen at its first use and never anew: one run changes one partition. */
export interface TandemEsp {
  /** undefined: the disk has none. The caller closes it. Throws `boot`, also when there is no telling which of several it is. */
  readonly open: (access: { readonly write: boolean }) => Esp | undefined;
  /** Which one it is, and why. undefined: there are no others. Throws `boot` as `open` does. */
  readonly seen: () => string | undefined;
}

interface Choice {
  readonly esp: EspPlace | undefined;
  readonly seen: string | undefined;
}

interface Surroundings {
  readonly files: Pick<Files, "readBytes">;
  readonly durable: DurableFiles;
  /** What only tandem's boot loaders have on an ESP, outside /tandem. */
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

/** What an EFI system partition has that only tandem makes. */
interface Look {
  readonly esp: EspPlace;
  readonly marks: readonly string[];
  /** Why there is no telling. */
  readonly unreadable: string | undefined;
}

function choose({ files, durable, ownMarks }: Surroundings, disk: EspDisk): Choice {
  const { diskPath, esps } = disk;
  const [only] = esps;
  // The only one is not looked into: it may have no file system yet.
  if (esps.length < 2) return { esp: only, seen: undefined };
  const looks = esps.map((esp) => lookAt({ files: durable, diskPath, esp }, ownMarks));
  const marked = looks.filter(({ marks }) => marks.length > 0);
  const [one] = marked;
  if (one !== undefined && marked.length === 1)
    return choiceOf(one.esp, disk, `it has ${shown(one)}`);
  const booted = bootedFrom(files, disk);
  if (booted !== undefined) return choiceOf(booted, disk, "the boot loader was started from it");
  throw new TandemError(
    "boot",
    `Cannot tell which EFI system partition of ${diskPath} is tandem's: ${looks.map(described).join("; ")}`,
    { hint: "Name its partition label in the configuration: labels: { esp: LABEL }." },
  );
}

/** One that cannot be read must not keep tandem from another. */
function lookAt(way: EspWay, ownMarks: Surroundings["ownMarks"]): Look {
  const { esp } = way;
  try {
    const opened = openEsp(way, { write: false });
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

/** What systemd-boot says of the boot of this machine counts only for the disk that the machine runs from. */
function bootedFrom(files: Surroundings["files"], { booted, esps }: EspDisk): EspPlace | undefined {
  if (booted === undefined) return undefined;
  const uuid = readEfiVariable(files, "LoaderDevicePartUUID")?.toLowerCase();
  const found = esps.filter((esp) => esp.uuid === uuid);
  return found.length === 1 ? found[0] : undefined;
}

function choiceOf(esp: EspPlace, { esps }: EspDisk, why: string): Choice {
  const others = esps.filter((other) => other !== esp).map(({ name }) => name);
  return { esp, seen: `${esp.name}, not ${others.join(" or ")}: ${why}` };
}

function described(look: Look): string {
  const { esp, marks, unreadable } = look;
  const what =
    unreadable ?? (marks.length === 0 ? "it has no files of tandem" : `it has ${shown(look)}`);
  return `${esp.name} "${esp.label}": ${what}`;
}

function shown({ marks }: Look): string {
  const more = marks.length > MARKS_SHOWN_MAX ? ", …" : "";
  return `${marks.slice(0, MARKS_SHOWN_MAX).join(", ")}${more}`;
}
