import { linuxFiles } from "./files.ts";

/**
 * Whether this process may draw over a line of its terminal: it is in the foreground of its controlling terminal, so no other program
 * writes there. On /dev/console at boot, which controls no process, the lines of several programs would run together.
 * `stat` is the text of /proc/self/stat (proc_pid_stat(5)).
 */
export function isInForeground(stat: string = readStat()): boolean {
  // The name of the program, in parentheses, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [, , group, , terminal, foregroundGroup] = fields.map(Number);
  return group !== undefined && terminal !== 0 && group === foregroundGroup;
}

function readStat(): string {
  return linuxFiles.readText("/proc/self/stat") ?? "";
}
