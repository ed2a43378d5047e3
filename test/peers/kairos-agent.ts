/** Runs command lines of kairos-agent on a disk of Kairos that the kernel has mounted. Needs root. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { answerTo } from "../../src/cli/kairos-agent/answer.ts";
import { MiB } from "../../src/lib/units.ts";
import { kairos } from "../../src/slot/kairos/kairos.ts";
import type { System } from "../../src/system/system.ts";
import { initrdOf, kernelOf } from "../fakes/boot-files.ts";
import { directory, IDENTITY } from "../fakes/ext4-image.ts";
import { type FakeImage, fakeImage } from "../fakes/image.ts";
import { tar } from "../fakes/tar.ts";
import { writeExt4 } from "./ext4-tools.ts";
import { kairosMachine, type KairosBoot, type KairosMachine } from "./kairos-machine.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** The systems of a machine, by the last digit of the UUID of their file systems. */
const SYSTEMS = [
  ["active", "COS_ACTIVE"],
  ["passive", "COS_PASSIVE"],
  ["recovery", "COS_SYSTEM"],
] as const;
type SystemName = (typeof SYSTEMS)[number][0];

const CONFIG =
  "#cloud-config\nusers: [{name: kairos, groups: [admin]}]\nupgrade: {system: {size: 40}, extra-dirs-rootfs: [/data]}\n";
const MENU = 'menuentry "x" --id cos {\nmenuentry "y" --id fallback {\n';

/** A machine with small systems, in which nothing but label and UUID matters. */
export async function agentBox(
  from: KairosBoot["from"] = "active",
  { squashfs = false } = {},
): Promise<KairosMachine> {
  await using folder = await temporaryFolder();
  const image = (name: SystemName): string => writeSystem(folder.in(name), name);
  const setup = {
    active: image("active"),
    passive: image("passive"),
    recovery: squashfs ? undefined : image("recovery"),
    squashfs: squashfs ? image("recovery") : undefined,
    grubenv: { extra_cmdline: "quiet" },
    assessment: {},
    stateBytes: 256 * MiB,
    recoveryBytes: 96 * MiB,
  };
  return await kairosMachine(setup, { from });
}

function writeSystem(path: string, name: SystemName): string {
  const number = SYSTEMS.findIndex(([one]) => one === name);
  const uuid = `00000000-0000-4000-8000-00000000000${number}`;
  const identity = { ...IDENTITY, label: SYSTEMS[number]?.[1] ?? "", uuid };
  const format = { sizeBytes: 4 * MiB, checksums: "descriptors", identity } as const;
  writeExt4(path, format, (ext4) => directory({ name: ext4.file(name) }));
  return path;
}

/** The folders with configuration of this machine are not looked into. */
const isConfig = (path: string): boolean =>
  /^\/(?:oem|etc\/kairos|usr\/local|run\/initramfs\/live)\b/.test(path);

/** The machine with a configuration, which may have `more` lines, and with its devices listed by label. */
export function configured(
  { system, device }: KairosMachine,
  from: KairosBoot["from"] = "active",
  more = "",
): System {
  const label = SYSTEMS.find(([name]) => name === from)?.[1];
  const texts = new Map([
    ["/oem/90_custom.yaml", `${CONFIG}${more}`],
    ["/etc/cos/grub.cfg", MENU],
    ["/proc/cmdline", `root=LABEL=${label} cos-img/filename=/cOS/${from}.img\n`],
  ]);
  const links = new Map(
    (["state", "recovery", "oem", "persistent"] as const).map((part) => [
      `/dev/disk/by-label/COS_${part.toUpperCase()}`,
      `../..${device(part).slice("/dev".length)}`,
    ]),
  );
  const { files } = system;
  return {
    ...system,
    environment: {},
    userId: 0,
    files: {
      ...files,
      list(path) {
        if (path === "/oem") return ["90_custom.yaml"];
        return isConfig(path) ? [] : files.list(path);
      },
      kind: (path) => (texts.has(path) ? "a file" : files.kind(path)),
      readText: (path) => texts.get(path) ?? files.readText(path),
    },
    readLink: (path) => links.get(path) ?? system.readLink(path),
    isExecutable: () => false,
  };
}

export interface AgentRun {
  readonly status: number;
  readonly text: string;
}

export async function runAgent(system: System, words: readonly string[]): Promise<AgentRun> {
  const answer = answerTo({ system, programs: { isSelf: () => false } }, words);
  if (answer.kind !== "work") throw new Error(`no work: ${JSON.stringify(answer)}`);
  let text = "";
  const status = await answer.work({
    print: (part) => void (text += part),
    export: () => {},
    signal: new AbortController().signal,
  });
  return { status, text };
}

const filesOf = (version: string): Readonly<Record<string, string | Uint8Array>> => ({
  "boot/vmlinuz": kernelOf(version),
  "boot/initrd": initrdOf(version),
  "etc/cos/bootargs.cfg": "set kernelcmd=x\n",
  "etc/kairos-release": `KAIROS_VERSION="${version}"\nGRUB_ENTRY_NAME="Mine"\n`,
});

/** Makes a folder that holds a system of Kairos. */
export function kairosFolder(path: string, version: string): string {
  for (const [name, content] of Object.entries(filesOf(version))) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

/** The same as an image. */
export function kairosLayer(version: string): FakeImage {
  const members = Object.entries(filesOf(version)).map(([name, content]) => ({
    name,
    bytes: typeof content === "string" ? new TextEncoder().encode(content) : content,
  }));
  return fakeImage({ layers: [tar(members)] });
}

/** For each slot the last digit of the UUID of its system: that of a new one is not among 0, 1 and 2 together. */
export function slotsOf(system: System): Readonly<Record<string, string>> {
  const slots = Object.entries(kairos.open(system, {}).slots);
  return Object.fromEntries(
    slots.map(([name, { uuid = "" }]) => {
      const old = /^00000000-0000-4000-8000-00000000000(\d)$/.exec(uuid)?.[1];
      return [name, SYSTEMS[Number(old ?? -1)]?.[0] ?? "new"];
    }),
  );
}

export function grubEnv({ folder }: KairosMachine): string {
  return readFileSync(join(folder.in("oem"), "grubenv"), "utf8");
}
