import type { System } from "../../system/system.ts";

export type LogLevel = "DBG" | "INF" | "WRN" | "ERR";

/** A line in the form of the original's log: "2026-11-28T03:54:48Z INF Upgrade completed". */
export function logLine({ now }: Pick<System, "now">, level: LogLevel, text: string): string {
  return `${now().toISOString().slice(0, 19)}Z ${level} ${text}\n`;
}
