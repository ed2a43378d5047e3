import type { Files } from "../system/files.ts";

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

/** What gives the verdict on each boot of the running system. Undefined when nothing does. */
export function installedHook(files: Pick<Files, "exists">): string | undefined {
  return GIVE_VERDICT.find((path) => files.exists(path));
}
