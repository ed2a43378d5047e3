/** A Kairos machine in memory: the files that GRUB reads, the model of its stock menu, and tandem's loader on them. */
import { envBlock } from "../../../scripts/disk/env-block.ts";
import type { Bootloader, BootSummary } from "../../../src/boot/bootloader.ts";
import { openKairosLoader } from "../../../src/boot/kairos/kairos.ts";
import type { KairosPlaces } from "../../../src/boot/kairos/places.ts";
import { startedSlot } from "../../../src/boot/kairos/this-boot.ts";
import { LOADER_DATA_BYTES, LoaderData } from "../../../src/control/loader-data.ts";
import { parseCmdline } from "../../../src/slot/cmdline.ts";
import { PARTITION_ADDRESS } from "../../../src/slot/partitions.ts";
import type { SlotName } from "../../../src/slot/slot.ts";
import type { BlockFile } from "../../../src/system/block-file.ts";
import type { MountedFiles } from "../../../src/system/mounted-files.ts";
import { parseEnv } from "../../fakes/env-block.ts";
import {
  bootKairos,
  type KairosBoot,
  type KairosMenu,
  type KairosVolume,
  type StoredImage,
} from "../../fakes/kairos-loader.ts";
import { type FileTree, MountedTree } from "../../fakes/mounted-tree.ts";
import { kairosFile } from "../../kairos/disk.ts";

const STATE = "/state";
const OEM = "/oem";
const ROOTS = [STATE, OEM];
const CONTROL = `${STATE}/tandem/control`;
const LABELS: Readonly<Record<string, string>> = {
  "/cOS/active.img": "COS_ACTIVE",
  "/cOS/passive.img": "COS_PASSIVE",
  "/cOS/recovery.img": "COS_SYSTEM",
};

type Values = Readonly<Record<string, string>>;

/** The files of a machine; undefined removes one that a machine has after its installation. */
export type Contents = Readonly<Record<string, string | Uint8Array | Values | undefined>>;

export function kairosTree(contents: Contents = {}): FileTree {
  const all: Contents = {
    [`${STATE}/grubcustom`]: kairosFile("grubcustom"),
    [`${STATE}/grub_boot_assessment`]: kairosFile("grub_boot_assessment"),
    [`${STATE}/grub2/grub.cfg`]: kairosFile("grub.cfg"),
    [`${OEM}/grubenv`]: {},
    ...contents,
  };
  return new Map(
    Object.entries(all).flatMap(([path, content]) => {
      if (content === undefined) return [];
      return [[path, bytesOf(content)]];
    }),
  );
}

function bytesOf(content: string | Uint8Array | Values): Uint8Array {
  if (content instanceof Uint8Array) return content;
  return typeof content === "string" ? Buffer.from(content) : envBlock(content);
}

export interface MachineOptions extends Partial<
  Pick<KairosPlaces, "givesVerdicts" | "isSwapped" | "readOnlyReason">
> {
  readonly contents?: Contents;
  readonly tree?: FileTree;
  readonly images?: Readonly<Record<string, StoredImage["state"]>>;
  readonly hasOem?: boolean;
  readonly bootId?: string;
}

export class KairosMachine {
  #tree: MountedTree;
  #boots: number;
  #cmdline = "cos-img/filename=/cOS/active.img";
  readonly #options: MachineOptions;

  constructor(options: MachineOptions = {}) {
    this.#options = options;
    this.#tree = new MountedTree(options.tree ?? kairosTree(options.contents), ROOTS);
    this.#boots = 0;
  }

  /** The same machine in the same boot, otherwise set up. */
  with(options: MachineOptions): KairosMachine {
    const other = new KairosMachine({ ...this.#options, ...options, tree: this.#tree.tree });
    other.#boots = this.#boots;
    other.#cmdline = this.#cmdline;
    return other;
  }

  get tree(): MountedTree {
    return this.#tree;
  }

  get files(): MountedFiles {
    return this.#tree.files;
  }

  /** The variables in a GRUB environment file. Empty without the file. */
  env(path: string): Record<string, string> {
    const values = parseEnv(this.#tree.tree.get(path));
    return Object.fromEntries([...values].filter(([, value]) => value !== ""));
  }

  text(path: string): string {
    return Buffer.from(this.#tree.tree.get(path) ?? []).toString("utf8");
  }

  change(contents: Contents): void {
    const tree = new Map(this.#tree.tree);
    for (const [path, bytes] of kairosTree(contents)) if (path in contents) tree.set(path, bytes);
    for (const [path, content] of Object.entries(contents))
      if (content === undefined) tree.delete(path);
    this.#tree = new MountedTree(tree, ROOTS);
  }

  /** A program that starts in this boot. */
  open(): Bootloader & { readonly loaderData: LoaderData; readonly summary: BootSummary } {
    const { hasOem = true, isSwapped = () => true, bootId = "boot" } = this.#options;
    const loaderData = this.#loaderData();
    const booted = startedSlot({ cmdline: this.#cmdline });
    const loader = openKairosLoader({
      ...this.#options,
      loaderData,
      state: STATE,
      oem: hasOem ? OEM : undefined,
      files: this.files,
      bootId: `${bootId}-${this.#boots}`,
      cmdline: this.#cmdline,
      booted,
      isSwapped,
    });
    const boot = { slot: booted, cmdline: parseCmdline(this.#cmdline) };
    return { ...loader, loaderData, summary: loader.summarize(boot) };
  }

  /** GRUB starts a system, which does nothing. */
  boot(): KairosBoot {
    const volumes = new Map(this.#tree.tree);
    const boot = bootKairos(this.#menu(volumes));
    this.#tree = new MountedTree(volumes, ROOTS);
    this.#boots += 1;
    this.#cmdline = boot.cmdline;
    return boot;
  }

  get slot(): SlotName | undefined {
    return startedSlot({ cmdline: this.#cmdline });
  }

  get cmdline(): string {
    return this.#cmdline;
  }

  /** The stock stage: a start of the active system confirms it. */
  clear(): void {
    if (this.slot === "active") this.change({ [`${STATE}/boot_assessment`]: {} });
  }

  /** The machine after a power cut. */
  after(tree: FileTree): KairosMachine {
    const machine = new KairosMachine({ ...this.#options, tree });
    machine.#boots = this.#boots;
    machine.#cmdline = this.#cmdline;
    return machine;
  }

  /** Which entries GRUB starts when nothing changes the files in between. The machine stays as it is. */
  nextEntries(count: number): string {
    const machine = this.after(this.#tree.tree);
    return Array.from({ length: count }, () => machine.boot().entry ?? "menu").join(" ");
  }

  #menu(files: Map<string, Uint8Array>): KairosMenu {
    const volume = (label: string, root: string): KairosVolume => ({
      label,
      read: (path) => files.get(`${root}${path}`),
      write: (path, bytes) => files.set(`${root}${path}`, bytes),
      image: (path) => ({
        state: this.#options.images?.[path] ?? (path in LABELS ? "loads" : "missing"),
        label: LABELS[path] ?? "",
      }),
    });
    const oem = this.#options.hasOem === false ? [] : [volume("COS_OEM", OEM)];
    return { volumes: [...oem, volume("COS_RECOVERY", "/recovery"), volume("COS_STATE", STATE)] };
  }

  /** Without a control file the record is that of a machine which tandem has not touched. */
  #loaderData(): LoaderData {
    return new LoaderData(controlFile(this.files), {
      addressForm: PARTITION_ADDRESS,
      genReached: () => 0,
    });
  }
}

function controlFile(files: MountedFiles): BlockFile {
  const isThere = (): boolean => files.stat(CONTROL) !== undefined;
  const readInto = (offsetBytes: number, target: Uint8Array): void => {
    if (isThere()) target.set(files.read(CONTROL, offsetBytes, target.byteLength));
  };
  return {
    name: CONTROL,
    sizeBytes: LOADER_DATA_BYTES,
    readInto,
    read(offsetBytes, target) {
      readInto(offsetBytes, target);
      return Promise.resolve("cached");
    },
    write(offsetBytes, bytes) {
      if (!isThere()) {
        files.makeFolder(`${STATE}/tandem`);
        files.create(CONTROL, new Uint8Array(LOADER_DATA_BYTES));
        files.flush(CONTROL);
      }
      files.write(CONTROL, offsetBytes, bytes);
    },
    flush: () => Promise.resolve(files.flush(CONTROL)),
    dropCache() {},
    close() {},
  };
}
