import type { System } from "../../system/system.ts";
import { type AgentVerb, printed } from "./agent-answer.ts";

/** `uuid` prints the name of this machine, without a newline. */
export const uuid: AgentVerb = ({ system }) => printed(machineUuid(system));

/** The machine ID and the host name, unless the environment says otherwise. */
export function machineUuid({ files, environment }: Pick<System, "files" | "environment">): string {
  const given = environment["UUID"] ?? "";
  if (given !== "") return given;
  const read = (path: string): string => (files.readText(path) ?? "").trim();
  const id = read("/var/lib/dbus/machine-id") || read("/etc/machine-id");
  return `${id}-${read("/proc/sys/kernel/hostname")}`;
}
