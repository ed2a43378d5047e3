/**
 * A boot loader that nobody has: it starts slot X by the file /toy/X on the ESP, which names the kernel, and goes by
 * the boot record. It shows that a loader is one file and one line in the table.
 */
import type { Bootloader } from "../../src/boot/bootloader.ts";
import { contentOf, type Esp, isFile, readEspText } from "../../src/boot/esp/esp.ts";
import { plainImages } from "../../src/boot/image/image-rules.ts";
import type { Loader, LoaderPlaces } from "../../src/boot/loader.ts";
import { TRIES_MAX } from "../../src/control/record.ts";
import { TandemError } from "../../src/lib/error.ts";
import { about, type Finding } from "../../src/lib/finding.ts";
import { PARTITION_SLOTS, type SlotName } from "../../src/slot/slot.ts";

const NAME = "toy";
const PROGRAM = "/toy/program";
const TEXT_BYTES_MAX = 1024;

export const toyLoader = {
  name: NAME,
  title: "Toy",
  lookedFor: PROGRAM,
  detect: (esp) =>
    esp !== undefined && isFile(esp, PROGRAM) ? { seen: [PROGRAM], isSure: true } : undefined,
  ownMarks: (esp) => pathsOn(esp),
  files: (esp) => pathsOn(esp),
  open({ loaderData, esp: place }: LoaderPlaces, access): Bootloader {
    const esp = place.open(access);
    if (esp === undefined) throw new TandemError("boot", "Cannot use Toy: the disk has no ESP");
    return toyOn(esp, loaderData);
  },
} as const satisfies Loader;

function toyOn(esp: Esp, loaderData: LoaderPlaces["loaderData"]): Bootloader {
  return {
    name: NAME,
    images: plainImages,
    async prepare(slot, spec) {
      await loaderData.writeSpec(slot, spec);
      await esp.remove(pathOf(slot));
      await esp.write(pathOf(slot), contentOf(spec.kernel));
    },
    async forget(slot) {
      await esp.remove(pathOf(slot));
      await loaderData.eraseSpec(slot);
    },
    startProblem: (slot) =>
      isFile(esp, pathOf(slot)) ? undefined : `${pathOf(slot)} is not there`,
    triesMax: TRIES_MAX,
    triesUnasked: TRIES_MAX,
    hasCopies: false,
    mismatch(slot, { files }) {
      const kernel = readEspText(esp, pathOf(slot), TEXT_BYTES_MAX);
      return files === undefined || kernel === files.kernel.path
        ? undefined
        : `${pathOf(slot)} names ${kernel}, the slot has ${files.kernel.path}`;
    },
    commit: (next) => loaderData.commitRecord(next),
    summarize: ({ cmdline }) => cmdline,
    refuseReadOnly: () => esp.refuseReadOnly(),
    unfinished: () => undefined,
    repair: () => Promise.resolve(),
    fallback: () => undefined,
    ending: { withoutRecord: "a game", usedUp: (good) => `a game, then slot ${good}` },
    examineRecord: () => [about("Toy", "boot").ok("it reads the boot record itself")],
    examineFiles: (opened) => [checkFiles(opened)],
    close: () => esp.close(),
  };
}

function checkFiles(esp: Esp): Finding {
  const { ok, warn } = about("files of Toy", "boot");
  const paths = pathsOn(esp);
  return paths.length > 0 ? ok(paths.join(", ")) : warn("it has nothing to start");
}

function pathsOn(esp: Esp): string[] {
  return PARTITION_SLOTS.map(pathOf).filter((path) => isFile(esp, path));
}

function pathOf(slot: SlotName): string {
  return `/toy/${slot}`;
}
