/**
 * A model of GRUB on a Kairos machine: the menu, the environment blocks and the boot assessment. test/e2e/kairos-grub.test.ts compares it
 * with the real GRUB.
 */
import { parseEnv, saveEnv } from "./env-block.ts";

/** A file system as GRUB sees it: without a journal. */
export interface KairosVolume {
  /** "COS_STATE". */
  readonly label: string;
  /** Undefined: there is no such file. */
  readonly read: (path: string) => Uint8Array | undefined;
  /** Overwrites an existing file in place: GRUB cannot change its size. */
  readonly write: (path: string, bytes: Uint8Array) => void;
  readonly image: (path: string) => StoredImage;
}

export interface StoredImage {
  /** How far GRUB gets with the image: "loads" with kernel, initrd and bootargs.cfg all readable. */
  readonly state: ImageState;
  /** The label of the file system in the image; empty without one. */
  readonly label: string;
}

/** "empty": a file of 0 bytes. "broken": a file without a file system, or without one of the boot files in it. */
export type ImageState = "missing" | "empty" | "broken" | "loads";

export type KairosEntry = "cos" | "fallback" | "recovery" | "statereset";

export interface KairosBoot {
  /** Undefined: no entry could be loaded, and GRUB shows its menu. */
  readonly entry: KairosEntry | undefined;
  /** The words on the kernel command line that depend on the entry and on the environment blocks. */
  readonly cmdline: string;
  /** The label of the image is the one that the initrd looks for. Otherwise the kernel panics, and the machine starts again. */
  readonly findsRoot: boolean;
  /** Entries that could not be loaded, in the order in which GRUB tried them. */
  readonly failed: readonly KairosEntry[];
}

export interface KairosMenu {
  /** In the order of GRUB's search: the first one with a file of that name counts. */
  readonly volumes: readonly KairosVolume[];
  /** A menu of before April 2026: once an image file was opened, no later entry can open another. */
  readonly isOld?: boolean;
}

const ENTRIES = ["cos", "fallback", "recovery", "statereset"] as const;
const IMAGES = {
  cos: { path: "/cOS/active.img", label: "COS_ACTIVE", extra: "extra_active_cmdline" },
  fallback: { path: "/cOS/passive.img", label: "COS_PASSIVE", extra: "extra_passive_cmdline" },
} as const;
const MISSING: StoredImage = { state: "missing", label: "" };
const SQUASHFS = "/cOS/recovery.squashfs";
const RESET = "vga=795 nomodeset kairos.reset";
/** The numbers of the entries that follow an entry which cannot be loaded. */
const FALLBACK = "0 1 2";

/** Boots the machine once and writes what GRUB writes: it empties next_entry, and marks an assessment as tentative. */
export function bootKairos(menu: KairosMenu): KairosBoot {
  const values = new Map<string, string>();
  for (const path of ["/grub_oem_env", "/grubenv"])
    load(values, volumeWith(menu, path)?.read(path));
  const next = value(values, "next_entry");
  if (next !== "") save(menu, "/grubenv", ["next_entry", ""]);
  values.set("default", next === "" ? value(values, "saved_entry") : next);
  if (hasAssessment(menu)) assess(menu, values, next);
  if (next === "" && hasCount(menu)) count(menu, values);
  return start(menu, values);
}

/** grubcustom reads the script, which GRUB searches for by name, too. */
function hasAssessment(menu: KairosMenu): boolean {
  return ["/grubcustom", "/grub_boot_assessment"].every(
    (path) => volumeWith(menu, path) !== undefined,
  );
}

/** grubcustom reads tandem's script, too. */
function hasCount(menu: KairosMenu): boolean {
  const custom = volumeWith(menu, "/grubcustom")?.read("/grubcustom") ?? new Uint8Array();
  return (
    Buffer.from(custom).includes("source ($tandem_state)/tandem/boot.cfg") &&
    stateOf(menu)?.read("/tandem/boot.cfg") !== undefined
  );
}

function stateOf({ volumes }: KairosMenu): KairosVolume | undefined {
  return volumes.find(({ label }) => label === "COS_STATE");
}

/** The first stage that may boot: src/boot/kairos/boot.cfg. */
function count(menu: KairosMenu, values: Map<string, string>): void {
  load(values, stateOf(menu)?.read("/tandem/count"));
  const gen = value(values, "tandem_gen");
  const turn = ["1", "2", "3"].find((stage) => mayBoot(values, stage));
  if (gen === "" || turn === undefined) return;
  const left = value(values, `tandem_left_${turn}`);
  const words = `tandem.gen=${gen} ${value(values, `tandem_words_${turn}`)}`.trim();
  if (left === "") {
    choose(values, value(values, `tandem_entry_${turn}`), words);
    return;
  }
  const less = `${Math.min(Number(left), 10) - 1}`;
  const state = stateOf(menu);
  const saved = saveEnv(
    state?.read("/tandem/count") ?? new Uint8Array(),
    `tandem_left_${turn}`,
    less,
  );
  if (saved === undefined)
    choose(values, value(values, "tandem_safe"), `tandem.gen=${gen} tandem.uncounted`);
  else {
    state?.write("/tandem/count", saved);
    choose(values, value(values, `tandem_entry_${turn}`), `${words} tandem.left=${less}`);
  }
}

function mayBoot(values: ReadonlyMap<string, string>, stage: string): boolean {
  const left = value(values, `tandem_left_${stage}`);
  return value(values, `tandem_entry_${stage}`) !== "" && (left === "" || Number(left) > 0);
}

function choose(values: Map<string, string>, entry: string, words: string): void {
  const name = { cos: "active", fallback: "passive" }[entry] ?? entry;
  const extra = `extra_${name}_cmdline`;
  values.set("default", entry);
  values.set(extra, `${value(values, extra)} ${words}`.trim());
}

/** GRUB does not assess a boot that next_entry has chosen. */
function assess(menu: KairosMenu, values: Map<string, string>, next: string): void {
  load(values, volumeWith(menu, "/boot_assessment")?.read("/boot_assessment"));
  const names = ["enable_boot_assessment", "enable_boot_assessment_always"];
  if (next !== "" || !names.some((name) => values.get(name) === "yes")) return;
  if (values.get("boot_assessment_tentative") !== "yes") {
    save(menu, "/boot_assessment", ["boot_assessment_tentative", "yes"]);
    return;
  }
  values.set("default", "fallback");
  values.set("extra_passive_cmdline", "upgrade_failure");
}

function start(menu: KairosMenu, values: ReadonlyMap<string, string>): KairosBoot {
  const failed: KairosEntry[] = [];
  const numbers = (value(values, "default_fallback") || FALLBACK).split(" ").map(Number);
  const order = [chosen(value(values, "default")), ...numbers.map((number) => ENTRIES[number])];
  let isStuck = false;
  for (const entry of order) {
    if (entry === undefined) continue;
    const { volume, path, label, words } = placeOf(menu, entry, values);
    const image = volume?.image(path) ?? MISSING;
    if (image.state === "loads" && !isStuck) {
      const findsRoot = label === undefined || image.label === label;
      return { entry, cmdline: words.join(" "), findsRoot, failed };
    }
    failed.push(entry);
    isStuck ||= menu.isOld === true && image.state !== "missing";
  }
  return { entry: undefined, cmdline: "", findsRoot: false, failed };
}

/** The entry with that id or number; otherwise the first entry. */
function chosen(text: string): KairosEntry {
  return ENTRIES.find((entry, number) => text === entry || text === `${number}`) ?? "cos";
}

interface ImagePlace {
  readonly volume: KairosVolume | undefined;
  readonly path: string;
  /** Undefined: the initrd finds the image by the volume that it lies on. */
  readonly label: string | undefined;
  readonly words: readonly string[];
}

function placeOf(
  { volumes }: KairosMenu,
  entry: KairosEntry,
  values: ReadonlyMap<string, string>,
): ImagePlace {
  const find = (label: string): KairosVolume | undefined =>
    volumes.find((volume) => volume.label === label);
  const more = (extra: string): string[] =>
    ["extra_cmdline", extra].map((name) => value(values, name)).filter((words) => words !== "");
  if (entry === "cos" || entry === "fallback") {
    const { path, label, extra } = IMAGES[entry];
    const words = [`root=LABEL=${label}`, `cos-img/filename=${path}`, ...more(extra)];
    return { volume: find("COS_STATE"), path, label, words };
  }
  const volume = find("COS_RECOVERY");
  const squashed = volume?.image(SQUASHFS).state;
  const isSquashed = squashed === "broken" || squashed === "loads";
  const path = isSquashed ? SQUASHFS : "/cOS/recovery.img";
  const label = isSquashed ? undefined : "COS_SYSTEM";
  const root = isSquashed
    ? ["root=live:LABEL=COS_RECOVERY", `rd.live.squashimg=${path}`]
    : [`root=LABEL=${label}`, `cos-img/filename=${path}`];
  const words = [...root, ...more("extra_recovery_cmdline")];
  return { volume, path, label, words: entry === "statereset" ? [...words, RESET] : words };
}

function volumeWith({ volumes }: KairosMenu, path: string): KairosVolume | undefined {
  return volumes.find(({ read }) => read(path) !== undefined);
}

function load(values: Map<string, string>, bytes: Uint8Array | undefined): void {
  for (const [name, text] of parseEnv(bytes)) values.set(name, text);
}

function save(menu: KairosMenu, path: string, [name, text]: readonly [string, string]): void {
  const volume = volumeWith(menu, path);
  const bytes = volume?.read(path);
  if (volume === undefined || bytes === undefined) return;
  const saved = saveEnv(bytes, name, text);
  if (saved !== undefined) volume.write(path, saved);
}

function value(values: ReadonlyMap<string, string>, name: string): string {
  return values.get(name) ?? "";
}
