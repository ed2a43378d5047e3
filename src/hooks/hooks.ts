/** The files that an image needs so that tandem gives a verdict on each boot, and ends a boot without a verdict. */
import atBoot from "./init/at-boot.sh" with { type: "text" };
import dracutArmLast from "./dracut/arm-last.sh" with { type: "text" };
import dracutArm from "./dracut/arm.sh" with { type: "text" };
import dracutGiveUp from "./dracut/give-up.sh" with { type: "text" };
import dracutModule from "./dracut/module-setup.sh" with { type: "text" };
import initramfs from "./initramfs/initramfs.sh" with { type: "text" };
import initramfsToolsHook from "./initramfs-tools/hook.sh" with { type: "text" };
import initramfsToolsPanic from "./initramfs-tools/panic.sh" with { type: "text" };
import initramfsToolsPremount from "./initramfs-tools/init-premount.sh" with { type: "text" };
import initramfsToolsTop from "./initramfs-tools/init-top.sh" with { type: "text" };
import kairosStages from "./kairos/tandem.yaml" with { type: "text" };
import mkinitcpioHook from "./mkinitcpio/hook.sh" with { type: "text" };
import mkinitcpioInstall from "./mkinitcpio/install.sh" with { type: "text" };
import openrcHealth from "./openrc/tandem-health.sh" with { type: "text" };
import openrcWatch from "./openrc/tandem-watch.sh" with { type: "text" };
import healthService from "./systemd/tandem-health.service" with { type: "text" };
import overdueService from "./systemd/tandem-overdue.service" with { type: "text" };
import overdueTimer from "./systemd/tandem-overdue.timer" with { type: "text" };
import watchdogService from "./systemd/tandem-watchdog.service" with { type: "text" };

export interface HookFile {
  /** The path in the image. */
  readonly path: string;
  readonly mode: number;
  readonly text: string;
}

export interface HookLink {
  readonly path: string;
  readonly target: string;
}

export interface Hook {
  readonly name: string;
  readonly description: string;
  readonly files: readonly HookFile[];
  /** Symbolic links that enable the hook. */
  readonly links: readonly HookLink[];
  /** Where the machine has tandem, for a hook that is not for all places. */
  readonly tandem?: string;
  /** What the operator still has to do. */
  readonly next: string | undefined;
}

const file = (path: string, text: string): HookFile => ({ path, mode: 0o644, text });
const program = (path: string, text: string): HookFile => ({ path, mode: 0o755, text });

const UNITS = "/usr/lib/systemd/system";
const INITRAMFS_TOOLS = "/usr/share/initramfs-tools";
const DRACUT = "/usr/lib/dracut/modules.d/90tandem-trial";
const IN_INITRAMFS = program("/usr/lib/tandem/initramfs", initramfs);
const AT_BOOT = program("/usr/lib/tandem/at-boot", atBoot);

/** Units in this folder, enabled by links beside it. */
function systemdUnits(folder: string): Pick<Hook, "files" | "links"> {
  const wanted = (target: string, unit: string): HookLink => ({
    path: `${folder}/${target}/${unit}`,
    target: `../${unit}`,
  });
  return {
    files: [
      file(`${folder}/tandem-health.service`, healthService),
      file(`${folder}/tandem-overdue.service`, overdueService),
      file(`${folder}/tandem-overdue.timer`, overdueTimer),
      file(`${folder}/tandem-watchdog.service`, watchdogService),
    ],
    links: [
      wanted("boot-complete.target.requires", "tandem-health.service"),
      wanted("multi-user.target.wants", "tandem-health.service"),
      wanted("sysinit.target.wants", "tandem-overdue.timer"),
      wanted("sysinit.target.wants", "tandem-watchdog.service"),
    ],
  };
}

/** The units, and a stage in a folder whose stages Kairos runs. */
function kairosHook(units: string, stages: string): Pick<Hook, "files" | "links"> {
  const { files, links } = systemdUnits(units);
  return { files: [file(`${stages}/95_tandem.yaml`, kairosStages), ...files], links };
}

export const HOOKS: readonly Hook[] = [
  {
    name: "systemd",
    description: "Units: checks before boot-complete.target, deadline, watchdog",
    ...systemdUnits(UNITS),
    next: undefined,
  },
  {
    name: "openrc",
    description: "Services for OpenRC: checks, deadline, watchdog",
    files: [
      AT_BOOT,
      program("/etc/init.d/tandem-watch", openrcWatch),
      program("/etc/init.d/tandem-health", openrcHealth),
    ],
    links: [
      { path: "/etc/runlevels/boot/tandem-watch", target: "/etc/init.d/tandem-watch" },
      { path: "/etc/runlevels/default/tandem-health", target: "/etc/init.d/tandem-health" },
    ],
    next: undefined,
  },
  {
    name: "init",
    description: "A script for busybox and other plain inits",
    files: [AT_BOOT],
    links: [],
    next: "Run /usr/lib/tandem/at-boot once at boot, for example ::once:/usr/lib/tandem/at-boot in /etc/inittab",
  },
  {
    name: "kairos",
    description: "For an installed machine of Kairos: a stage in /oem, units that persist",
    ...kairosHook("/etc/systemd/system", "/oem"),
    tandem: "/usr/local/bin/tandem",
    next: "It is in force from the next boot on",
  },
  {
    name: "kairos-image",
    description: "The same for an image of Kairos that has tandem in it",
    ...kairosHook(UNITS, "/system/oem"),
    tandem: "/usr/bin/tandem",
    next: undefined,
  },
  {
    name: "initramfs-tools",
    description: "For the initramfs of Debian and Ubuntu: early watchdog, no waiting shell",
    files: [
      IN_INITRAMFS,
      program(`${INITRAMFS_TOOLS}/hooks/tandem-trial`, initramfsToolsHook),
      program(`${INITRAMFS_TOOLS}/scripts/init-top/tandem-trial`, initramfsToolsTop),
      program(`${INITRAMFS_TOOLS}/scripts/init-premount/tandem-trial`, initramfsToolsPremount),
      program(`${INITRAMFS_TOOLS}/scripts/panic/tandem-trial`, initramfsToolsPanic),
    ],
    links: [],
    next: "Rebuild the initramfs: update-initramfs -u -k all",
  },
  {
    name: "dracut",
    description: "The same for dracut, with or without systemd in it",
    files: [
      IN_INITRAMFS,
      program(`${DRACUT}/module-setup.sh`, dracutModule),
      program(`${DRACUT}/arm.sh`, dracutArm),
      program(`${DRACUT}/arm-last.sh`, dracutArmLast),
      program(`${DRACUT}/give-up.sh`, dracutGiveUp),
    ],
    links: [],
    next: "Rebuild the initramfs: dracut --force --regenerate-all",
  },
  {
    name: "mkinitcpio",
    description: "The same for mkinitcpio with its busybox init",
    files: [
      IN_INITRAMFS,
      file("/usr/lib/initcpio/install/tandem-trial", mkinitcpioInstall),
      program("/usr/lib/initcpio/hooks/tandem-trial", mkinitcpioHook),
    ],
    links: [],
    next: "Put tandem-trial behind block among the HOOKS of /etc/mkinitcpio.conf, then mkinitcpio -P",
  },
  {
    name: "initramfs",
    description: "A script for an initramfs of your own; its head says how to call it",
    files: [IN_INITRAMFS],
    links: [],
    next: "Copy /usr/lib/tandem/initramfs into the initramfs and call it from its init",
  },
];
