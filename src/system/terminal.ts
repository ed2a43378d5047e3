import { linuxFiles } from "./files.ts";

/**
 * Whether this process may redraw a line of its terminal. It may when it is in the foreground of its controlling
 * terminal, because no other program writes there then. /dev/console at boot is no controlling terminal: several
 * programs write to it, and their lines would be mixed. `stat` is the text of /proc/self/stat (proc_pid_stat(5)).
 */
export function isInForeground(stat: string = readStat()): boolean {
  // The name of the program, in parentheses, may contain any character.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [, , group, , terminal, foregroundGroup] = fields.map(Number);
  return group !== undefined && terminal !== 0 && group === foregroundGroup;
}

function readStat(): string {
  return linuxFiles.readText("/proc/self/stat") ?? "";
}
