import type { LoaderData } from "../control/loader-data.ts";
import type { Bootloader } from "./bootloader.ts";
import type { TandemEsp } from "./esp/choose-esp.ts";
import type { Esp } from "./esp/esp.ts";

/** A sign that a disk has a certain loader. */
export interface Evidence {
  /** For people: paths on the ESP, such as "/tandem/grub.cfg". */
  readonly seen: readonly string[];
  /** false: the evidence counts only where no loader has sure evidence. */
  readonly isSure: boolean;
}

/** What a loader works with. */
export interface LoaderPlaces {
  readonly loaderData: LoaderData;
  /** How the configuration of a loader names the place of its data: the number of the control partition. */
  readonly loaderDataAddress: string;
  readonly esp: TandemEsp;
}

/** A kind of boot loader. loaders.ts has the table of all. */
export interface Loader {
  /** In the configuration and in JSON. */
  readonly name: string;
  /** In sentences. */
  readonly title: string;
  /** What `detect` looks for, for people. */
  readonly lookedFor: string;
  /** Evidence on the ESP. `esp` is undefined for a disk without one. undefined: no evidence of this loader. Throws `boot`. */
  readonly detect: (esp: Esp | undefined) => Evidence | undefined;
  /** What is on an ESP only if tandem uses this loader there, outside /tandem. It distinguishes tandem's ESP from others. */
  readonly ownMarks: (esp: Esp) => readonly string[];
  /** Paths of its small files on the ESP, for a report: configuration, entries, counts. */
  readonly files: (esp: Esp) => readonly string[];
  /** The caller closes it. Throws `boot`. */
  readonly open: (places: LoaderPlaces, access: { readonly write: boolean }) => Bootloader;
}
