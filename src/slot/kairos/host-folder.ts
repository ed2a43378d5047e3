import type { System } from "../../system/system.ts";

/** Where the files of the machine lie: "" unless this runs in a pod. */
export function hostFolder({ environment }: Pick<System, "environment">): string {
  if (environment["KUBERNETES_SERVICE_HOST"] === undefined) return "";
  return (environment["HOST_DIR"] || "/host").replace(/\/+$/, "");
}
