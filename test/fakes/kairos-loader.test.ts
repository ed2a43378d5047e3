/** The model of Kairos' boot menu against what was measured on the real one: test/e2e/kairos-grub.test.ts has the same on real GRUB. */
import { expect, test } from "bun:test";
import { envBlock } from "../../scripts/disk/env-block.ts";
import { parseEnv } from "./env-block.ts";
import {
  bootKairos,
  type ImageState,
  type KairosMenu,
  type KairosVolume,
} from "./kairos-loader.ts";

type Values = Readonly<Record<string, string>>;

interface MachineSetup {
  readonly grubenv?: Values | Uint8Array;
  readonly assessment?: Values;
  /** "loads" for what is not named. */
  readonly images?: Readonly<Record<string, ImageState>>;
  readonly isOld?: boolean;
  /** A volume before all others: the disk that was plugged in first. */
  readonly first?: KairosVolume;
}

const LABELS: Readonly<Record<string, string>> = {
  "/cOS/active.img": "COS_ACTIVE",
  "/cOS/passive.img": "COS_PASSIVE",
  "/cOS/recovery.img": "COS_SYSTEM",
};

function volume(
  label: string,
  contents: Readonly<Record<string, Uint8Array | undefined>>,
  images: Readonly<Record<string, ImageState>> = {},
): KairosVolume {
  const files = new Map(Object.entries(contents));
  return {
    label,
    read: (path) => files.get(path),
    write: (path, bytes) => files.set(path, bytes),
    image: (path) => ({ state: images[path] ?? "missing", label: LABELS[path] ?? "" }),
  };
}

function blockOf(values: Values | Uint8Array | undefined): Uint8Array | undefined {
  if (values === undefined || values instanceof Uint8Array) return values;
  return envBlock(values);
}

function machine({ grubenv, assessment, images = {}, isOld, first }: MachineSetup): KairosMenu {
  const script = new Uint8Array(1);
  const state = {
    "/grubcustom": script,
    "/grub_boot_assessment": script,
    "/boot_assessment": blockOf(assessment),
  };
  const all = { "/cOS/active.img": "loads", "/cOS/passive.img": "loads", ...images } as const;
  return {
    volumes: [
      ...(first === undefined ? [] : [first]),
      volume("COS_OEM", { "/grubenv": blockOf(grubenv) }),
      volume("COS_RECOVERY", {}, { "/cOS/recovery.img": "loads", ...images }),
      volume("COS_STATE", state, all),
    ],
    isOld: isOld === true,
  };
}

const ENABLED = { enable_boot_assessment: "yes" };
const ARMED = { ...ENABLED, boot_assessment_tentative: "yes" };
const ALWAYS = { enable_boot_assessment_always: "yes" };
const NEXT = { next_entry: "cos" };

test.each<[string, MachineSetup, string[]]>([
  ["A", { grubenv: NEXT, assessment: ENABLED }, ["cos", "cos", "fallback", "fallback"]],
  ["B", { grubenv: {}, assessment: ENABLED }, ["cos", "fallback"]],
  ["C", { grubenv: {}, assessment: ARMED }, ["fallback"]],
  ["D", { grubenv: NEXT, assessment: ARMED }, ["cos", "fallback", "fallback"]],
  ["F", { grubenv: { saved_entry: "fallback" }, assessment: ENABLED }, ["fallback", "fallback"]],
  ["H", { assessment: ALWAYS }, ["cos", "fallback"]],
  ["I", { grubenv: NEXT }, ["cos", "cos", "cos"]],
  ["settled", { grubenv: {}, assessment: { enable_boot_assessment: "" } }, ["cos", "cos"]],
])("case %s boots in this order", (_, setup, entries) => {
  const menu = machine(setup);
  expect(entries.map(() => `${bootKairos(menu).entry}`)).toEqual(entries);
});

test("what cannot be loaded is followed by the entries of the fallback list", () => {
  const images = { "/cOS/active.img": "missing", "/cOS/passive.img": "broken" } as const;
  expect(bootKairos(machine({ images }))).toEqual({
    entry: "recovery",
    cmdline: "root=LABEL=COS_SYSTEM cos-img/filename=/cOS/recovery.img",
    findsRoot: true,
    failed: ["cos", "cos", "fallback"],
  });
  const grubenv = { default_fallback: "2" };
  expect(bootKairos(machine({ images, grubenv })).failed).toEqual(["cos"]);
});

test("the system of an image with a label of another image does not find its root", () => {
  const { volumes } = machine({ images: { "/cOS/active.img": "missing" } });
  // The power was cut after passive.img had got its name and before it got its label.
  const mislabelled = volumes.map((one) => ({
    ...one,
    image: (path: string) => ({ ...one.image(path), label: "COS_ACTIVE" }),
  }));
  expect(bootKairos({ volumes: mislabelled })).toMatchObject({
    entry: "fallback",
    findsRoot: false,
  });
  expect(bootKairos({ volumes })).toMatchObject({ entry: "fallback", findsRoot: true });
});

test("an old menu opens no image after one that failed, but goes on when there is no file", () => {
  const entries = (["missing", "empty", "broken"] as const).map((active) => {
    const images: Readonly<Record<string, ImageState>> = { "/cOS/active.img": active };
    return bootKairos(machine({ images, isOld: true })).entry;
  });
  expect(entries).toEqual(["fallback", undefined, undefined]);
});

test("a torn grubenv is as good as none, and is not written", () => {
  const menu = machine({ grubenv: new Uint8Array(0), assessment: ARMED });
  expect(bootKairos(menu).entry).toBe("fallback");
  expect(menu.volumes[0]?.read("/grubenv")?.byteLength).toBe(0);
});

test("a grubenv on a disk before this one counts instead of the machine's own", () => {
  const stray = volume("USB", { "/grubenv": envBlock({ next_entry: "recovery" }) });
  const menu = machine({ grubenv: NEXT, first: stray });
  expect([bootKairos(menu).entry, bootKairos(menu).entry]).toEqual(["recovery", "cos"]);
  expect(parseEnv(menu.volumes[1]?.read("/grubenv")).get("next_entry")).toBe("cos");
});
