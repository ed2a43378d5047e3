/**
 * Models what src/boot/grub/grub.cfg does in one boot, on a disk in memory. test/e2e/power-cut-boots.test.ts compares
 * the model with the real GRUB.
 */
import { findFile } from "../../src/boot/image/find.ts";
import { Fat } from "../../src/fat/fat.ts";
import { ESP_TYPE_GUID, readGpt, type Gpt } from "../../src/disk/gpt.ts";
import { openFileSystem } from "../../src/ext4/mount.ts";
import { TandemError } from "../../src/lib/error.ts";
import { isPartitionSlot, type PartitionSlot } from "../../src/slot/slot.ts";
import { type BlockFile, part, readBlock } from "../../src/system/block-file.ts";
import { ENV_SIGNATURE, isEnvBlock, parseEnv } from "./env-block.ts";

/** The system that GRUB started, or "menu" when it waits for an operator. */
export type GrubOutcome =
  | {
      readonly kind: "boot";
      readonly slot: PartitionSlot;
      /** The options that GRUB adds to the kernel command line: "tandem.slot=a tandem.gen=1". */
      readonly cmdline: string;
    }
  | { readonly kind: "menu"; readonly why: string };

type Values = ReadonlyMap<string, string>;

const SCRATCH = "/tandem/tries";
const SECTOR_BYTES = 512;
const ENV_BYTES = 1024;
const RECORDS = [0, 8] as const;
const SPECS: Readonly<Record<PartitionSlot, number>> = { a: 32, b: 40, recovery: 48 };

/** Boots the disk once. Writes only GRUB's boot count. */
export function bootWithGrub(disk: BlockFile): GrubOutcome {
  return new Boot(disk).decide();
}

class Boot {
  readonly #disk: BlockFile;
  readonly #gpt: Gpt;
  readonly #esp: BlockFile;
  readonly #fallback: string;
  readonly #control: number;
  readonly #tried = new Set<string>();
  readonly #saved = new Map<string, string>();
  #uncounted: string[] = [];

  constructor(disk: BlockFile) {
    this.#disk = disk;
    this.#gpt = readGpt(disk);
    const esp = this.#gpt.partitions.find(({ typeGuid }) => typeGuid === ESP_TYPE_GUID);
    if (esp === undefined) throw new Error("GRUB has no partition to start from");
    this.#esp = part(disk, { ...esp, name: "esp" });
    const config = parseEnv(readFat(this.#esp, "/tandem/disk.cfg")?.bytes);
    this.#fallback = config.get("fallback") ?? "";
    this.#control = Number(config.get("control") ?? "0");
  }

  decide(): GrubOutcome {
    const record = this.#newestRecord();
    const field = (name: string, otherwise: string): string => record?.get(name) ?? otherwise;
    const [gen, good] = [field("gen", "0"), field("good", this.#fallback)];
    const [trial, last] = [field("trial", ""), field("last", "")];
    const limit = Number(field("limit", "0"));
    this.#readCounts(gen, { trial: field("tries", "0"), limit: `${limit}` });
    const notes: string[] = [];
    if (trial !== "") {
      const started = this.#tryTrial(trial, gen, notes);
      if (started !== undefined) return started;
    }
    return limit > 0 && this.#count("s_good") <= 0
      ? this.#usedUp({ good, last, gen }, notes)
      : this.#tryGood({ good, last, gen, limit }, notes);
  }

  #tryTrial(trial: string, gen: string, notes: string[]): GrubOutcome | undefined {
    const left = this.#count("s_trial") - 1;
    if (left < 0) {
      this.#tried.add(trial);
      notes.push(`tandem.fell=${trial}`, "tandem.why=tries");
      return undefined;
    }
    if (!this.#save("s_trial", left)) {
      this.#uncounted = ["tandem.uncounted"];
      return undefined;
    }
    const started = this.#start(trial, gen, [`tandem.left=${left}`]);
    if (started === undefined) notes.push(`tandem.fell=${trial}`, "tandem.why=kernel");
    return started;
  }

  #tryGood(
    { good, last, gen, limit }: { good: string; last: string; gen: string; limit: number },
    notes: readonly string[],
  ): GrubOutcome {
    const counted = limit > 0;
    const left = this.#count("s_good") - 1;
    const isSaved = counted && this.#save("s_good", left);
    if (counted && !isSaved) this.#uncounted = ["tandem.uncounted"];
    const words = [...(isSaved ? [`tandem.left=${left}`] : []), ...this.#uncounted, ...notes];
    const gone = [...this.#uncounted, `tandem.gave_up=${good}:kernel`, ...notes];
    return (
      this.#start(good, gen, words) ??
      ["a", "b", last, "recovery"]
        .map((slot) => this.#start(slot, gen, gone))
        .find((started) => started !== undefined) ?? { kind: "menu", why: "no slot can be loaded" }
    );
  }

  #usedUp(
    { good, last, gen }: { good: string; last: string; gen: string },
    notes: readonly string[],
  ): GrubOutcome {
    const menu = { kind: "menu", why: `good ${good} has no boots left` } as const;
    if (last === "") return menu;
    const gone = [`tandem.gave_up=${good}:limit`, ...notes];
    const second = good === "a" ? "b" : "a";
    const left = this.#count("s_other") - 1;
    if (second !== last && left >= 0 && this.#spec(second) !== undefined) {
      if (this.#save("s_other", left)) {
        const started = this.#start(second, gen, [`tandem.left=${left}`, ...gone]);
        if (started !== undefined) return started;
      } else this.#uncounted = ["tandem.uncounted"];
    }
    return this.#start(last, gen, [...this.#uncounted, ...gone]) ?? menu;
  }

  /** Undefined when the slot cannot be loaded, now or in an earlier attempt. */
  #start(slot: string, gen: string, words: readonly string[]): GrubOutcome | undefined {
    if (this.#tried.has(slot) || !isPartitionSlot(slot)) return undefined;
    this.#tried.add(slot);
    const spec = this.#spec(slot);
    if (spec === undefined || !this.#hasFiles(spec)) return undefined;
    const cmdline = [`tandem.slot=${slot}`, `tandem.gen=${gen}`, ...words].join(" ");
    return { kind: "boot", slot, cmdline };
  }

  #newestRecord(): Values | undefined {
    const valid = RECORDS.map((sector) => this.#loadEnv(sector, ENV_BYTES)).filter(
      (copy) => Number(copy.get("gen") ?? "0") > 0 && copy.get("gen") === copy.get("gen_end"),
    );
    return valid.toSorted((one, other) => Number(other.get("gen")) - Number(one.get("gen")))[0];
  }

  #spec(slot: string): Values | undefined {
    if (!isPartitionSlot(slot)) return undefined;
    const spec = this.#loadEnv(SPECS[slot], 4096);
    return (spec.get("kernel") ?? "") === "" ? undefined : spec;
  }

  #hasFiles(spec: Values): boolean {
    const number = Number(spec.get("part"));
    const partition = this.#gpt.partitions.find((one) => one.number === number);
    if (partition === undefined) return false;
    try {
      const { root } = openFileSystem(part(this.#disk, { ...partition, name: "slot" }));
      return [spec.get("kernel") ?? "", spec.get("initrd") ?? ""].every(
        (path) => path === "" || findFile(root, path) !== undefined,
      );
    } catch (error) {
      if (error instanceof TandemError) return false;
      throw error;
    }
  }

  #loadEnv(sector: number, sizeBytes: number): Values {
    const control = this.#gpt.partitions.find(({ number }) => number === this.#control);
    if (control === undefined) return new Map();
    return parseEnv(readBlock(this.#disk, control.offsetBytes + sector * SECTOR_BYTES, sizeBytes));
  }

  #readCounts(gen: string, fresh: { readonly trial: string; readonly limit: string }): void {
    const saved = parseEnv(readFat(this.#esp, SCRATCH)?.bytes);
    const isOfGen = saved.get("s_gen") === gen;
    const pick = (name: string, otherwise: string): void => {
      this.#saved.set(name, isOfGen ? saved.get(name) || "0" : otherwise || "0");
    };
    this.#saved.set("s_gen", gen);
    pick("s_trial", fresh.trial);
    pick("s_good", fresh.limit);
    pick("s_other", fresh.limit);
  }

  #count(name: string): number {
    return Math.min(10, Number(this.#saved.get(name) ?? "0"));
  }

  /** Writes into the blocks of the existing file, because GRUB cannot create files. */
  #save(name: string, count: number): boolean {
    this.#saved.set(name, `${count}`);
    const file = readFat(this.#esp, SCRATCH);
    if (file === undefined || !isEnvBlock(file.bytes)) return false;
    const lines = [...this.#saved].map(([key, value]) => `${key}=${value}\n`);
    const text = (ENV_SIGNATURE + lines.join("")).padEnd(file.bytes.byteLength, "#");
    const bytes = Buffer.from(text, "latin1");
    if (bytes.byteLength !== file.bytes.byteLength) return false;
    let done = 0;
    for (const { offsetBytes, sizeBytes } of file.places) {
      this.#esp.write(offsetBytes, bytes.subarray(done, done + sizeBytes));
      done += sizeBytes;
    }
    return true;
  }
}

interface FatContent {
  readonly bytes: Uint8Array;
  readonly places: readonly { readonly offsetBytes: number; readonly sizeBytes: number }[];
}

/** A small file and the offset of its data, which is found by watching the reads. */
function readFat(esp: BlockFile, path: string): FatContent | undefined {
  const places: { offsetBytes: number; sizeBytes: number }[] = [];
  const watched: BlockFile = {
    ...esp,
    readInto(offsetBytes, target) {
      places.push({ offsetBytes, sizeBytes: target.byteLength });
      esp.readInto(offsetBytes, target);
    },
  };
  const content = Fat.open(watched).read(path);
  if (content === undefined) return undefined;
  places.length = 0;
  const bytes = Buffer.concat([...content.read()].map((chunk) => Buffer.from(chunk)));
  return { bytes, places };
}
