import type { LoaderData } from "../control/loader-data.ts";
import type { Bootloader } from "./bootloader.ts";
import type { TandemEsp } from "./esp/choose-esp.ts";
import type { Esp } from "./esp/esp.ts";

/** Why a disk seems to have a loader. */
export interface Evidence {
  /** What was seen, for people: paths on the ESP, such as "/tandem/grub.cfg". */
  readonly seen: readonly string[];
  /** false: it counts only where no loader has evidence that is sure. */
  readonly isSure: boolean;
}

/** What a loader works with. */
export interface LoaderPlaces {
  readonly loaderData: LoaderData;
  /** How the configuration of a loader names the place of its data: the number of the control partition. */
  readonly loaderDataAddress: string;
  readonly esp: TandemEsp;
}

/** A kind of boot loader: what tandem has to know before it opens one. loaders.ts has the table of all. */
export interface Loader {
  /** As the configuration and the JSON of tandem have it. */
  readonly name: string;
  /** As people write it. */
  readonly title: string;
  /** What `detect` looks for, for people. */
  readonly marks: string;
  /** Evidence on an ESP, or on a disk that has none. undefined: nothing speaks for this loader. Throws `boot`. */
  readonly detect: (esp: Esp | undefined) => Evidence | undefined;
  /** What only this loader and tandem together leave on an ESP, outside /tandem. It tells tandem's ESP from those of other systems. */
  readonly ownMarks: (esp: Esp) => readonly string[];
  /** Paths of its small files on the ESP, for a report: configuration, entries, counts. */
  readonly files: (esp: Esp) => readonly string[];
  /** The caller closes it. Throws `boot`. */
  readonly open: (places: LoaderPlaces, access: { readonly write: boolean }) => Bootloader;
}
