/** The start of each story on a Kairos machine: a registry with systems, and a machine that runs version 0.1.0 of them. */
import { copyFileSync, cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../scripts/disk/command.ts";
import { MiB } from "../../src/lib/units.ts";
import { makeKairosDisk } from "../kairos/disk.ts";
import { guestSystem, writeKairosImage } from "../kairos/images.ts";
import { pushImage, writeImage } from "../peers/image.ts";
import { startRegistry } from "../peers/registry.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import type { TarMember } from "../peers/tar.ts";
import { startGuest, type Guest } from "./guest.ts";
import { hookText } from "./hook-files.ts";
import { UNDER_LOAD, type MachineSetup } from "./machine.ts";

const TANDEM = join(import.meta.dir, "../../dist/tandem");

/** The last part of the unit tandem-health.service, which has no service manager here. */
const VERDICT = "tandem health --reboot\n";
const NETWORK = `ip link set lo up
ip addr add 10.0.2.15/24 dev eth0 && ip link set eth0 up && ip route add default via 10.0.2.2
`;
const HOOK = "/system/oem/95_tandem.yaml";

interface Hook {
  readonly stages: Readonly<
    Record<"boot.after", readonly { readonly commands: readonly string[] }[]>
  >;
}

interface System {
  /** What the system does before its first stage. */
  readonly early?: string;
  /** What it does after the last stage, before the verdict. */
  readonly late?: string;
  readonly files?: Readonly<Record<string, string>>;
}

const SYSTEMS = {
  "0.1.0": {},
  "0.2.0": {},
  "0.3.0": { early: "echo c > /proc/sysrq-trigger\n" },
  "0.4.0": {
    files: { "etc/tandem/required.d/50-app": "#!/bin/sh\necho The app is down\nexit 3\n" },
  },
  "0.5.0": {
    late: "sleep 100000\n",
    files: {
      "etc/tandem/config.yaml": "watchdog:\n  seconds: 30\nhealth:\n  deadlineSeconds: 30\n",
    },
  },
} as const satisfies Readonly<Record<string, System>>;
export type KairosVersion = keyof typeof SYSTEMS;

export interface KairosWorld extends AsyncDisposable {
  /** Starts a machine after its installation. */
  readonly powerOn: (setup?: Partial<MachineSetup>) => Guest;
  /** The name of an image as the machine can reach it, for `kairos-agent upgrade --source`. */
  readonly image: (version: KairosVersion) => string;
}

export async function makeKairosWorld(): Promise<KairosWorld> {
  const folder = await temporaryFolder();
  const registry = await startRegistry();
  const layout = folder.in("layout");
  for (const [version, system] of Object.entries(SYSTEMS)) {
    const image = await writeImage(layout, {
      layers: [{ tar: membersOf(version, system) }],
      tag: version,
    });
    await pushImage(image, { host: registry.host, name: `os/kairos:${version}` });
  }
  const installed = { layout, version: "0.1.0", members: membersOf("0.1.0"), sizeBytes: 48 * MiB };
  const disk = makeKairosDisk({
    path: folder.in("disk"),
    active: await writeKairosImage(folder.in("active.img"), "COS_ACTIVE", installed),
    passive: await writeKairosImage(folder.in("passive.img"), "COS_PASSIVE", installed),
    recovery: await writeKairosImage(folder.in("recovery.img"), "COS_SYSTEM", installed),
    stateBytes: 256 * MiB,
    recoveryBytes: 160 * MiB,
    grubenv: { extra_cmdline: `quiet ${UNDER_LOAD}` },
  });
  mkdirSync(folder.in("stick"));
  cpSync(TANDEM, folder.in("stick/tandem"));
  command(["mke2fs", "-q", "-t", "ext4", "-d", folder.in("stick"), folder.in("stick.img"), "192M"]);
  return {
    powerOn: (setup = {}) => {
      const path = folder.in(`${crypto.randomUUID()}.img`);
      copyFileSync(disk.path, path);
      return startGuest({ disks: [path, folder.in("stick.img")], ...setup });
    },
    // The guest sees the host's loopback under another address.
    image: (version) => `${registry.host.replace("127.0.0.1", "10.0.2.2")}/os/kairos:${version}`,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function membersOf(
  version: string,
  { early = "", late = "", files = {} }: System = {},
): TarMember[] {
  const hook = hookText("kairos-image", HOOK);
  return guestSystem(version, {
    modules: ["softdog"],
    atBoot: `mount -t ext4 -o ro /dev/vdb /data\n${early}${NETWORK}${stages(hook)}${late}${VERDICT}`,
    files: {
      [HOOK.slice(1)]: hook,
      "etc/kairos/config.yaml": "#cloud-config\nusers:\n  - name: kairos\n    groups: [admin]\n",
      ...files,
    },
    // The program is larger than the rest of the system, so it is on the second disk.
    members: ["tandem", "kairos-agent"].map((name) => ({
      path: `usr/bin/${name}`,
      kind: "symlink",
      target: "/data/tandem",
    })),
  });
}

/** The stages of a boot: the stock one that confirms each boot of the active system, and then that of the hook. */
function stages(hook: string): string {
  const { stages: found } = Bun.YAML.parse(hook) as Hook;
  const commands = found["boot.after"].flatMap((step) => step.commands);
  return ["sh /usr/bin/clear-assessment", ...commands].map((line) => `${line}\n`).join("");
}
