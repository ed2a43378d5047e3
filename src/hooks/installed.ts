import { hostFolder } from "../slot/kairos/host-folder.ts";
import type { Files } from "../system/files.ts";
import type { System } from "../system/system.ts";

/** Units and scripts by which a system gives its verdict. One of them is enough. */
const GIVE_VERDICT = [
  "/usr/lib/systemd/system/tandem-health.service",
  "/lib/systemd/system/tandem-health.service",
  "/etc/systemd/system/tandem-health.service",
  "/etc/init.d/tandem-health",
  "/usr/lib/tandem/at-boot",
  "/oem/95_tandem.yaml",
  "/system/oem/95_tandem.yaml",
] as const;

interface HookedMachine extends Pick<System, "environment"> {
  readonly files: Pick<Files, "exists">;
}

/** What gives the verdict on each boot of this machine, also seen from a pod. Undefined when nothing does. */
export function installedHook(machine: HookedMachine): string | undefined {
  const root = hostFolder(machine);
  return GIVE_VERDICT.find((path) => machine.files.exists(`${root}${path}`));
}
