/** The kernel options that an image brings along. */
import { OPTIONS_BYTES_MAX } from "../../control/spec.ts";
import { TandemError } from "../../lib/error.ts";

/**
 * The options that tandem gives: an image cannot know its partition, and must not pose as the boot loader. A panic has to end a counted
 * boot, so no option of the image may change how long the kernel stands still after one; sysctl.* does so once init runs. An `initrd=`
 * names a file that is not on the ESP, and the kernel's EFI stub gives up when it cannot find it.
 */
const OWNED =
  /^(?:root=.*|rootfstype=.*|ro|rw|BOOT_IMAGE=.*|tandem\..*|initrd=.*|panic=.*|sysctl[./]kernel[./]panic=.*)$/;

/** GRUB 2.06 takes a word for a pattern of file or device names when it begins like one, and puts what it matches in its place. */
const PATTERN = /^(?:\*|[/(].*[*?])/;

/** The options in a cmdline file: lines are joined, those that start with "#" left out, and what tandem gives itself dropped. */
export function parseOptions(text: string, path: string): string {
  const words = text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join(" ")
    .split(/[ \t\r]+/)
    .filter((option) => option !== "" && !OWNED.test(option));
  const options = words.join(" ");
  if (!/^[\x20-\x7e]*$/.test(options)) throw refused(path, "not plain ASCII text");
  // GRUB puts a backslash before each when they come out of a variable, which Linux does not understand.
  if (/["'\\]/.test(options)) throw refused(path, "quotes and backslashes do not reach the kernel");
  const pattern = words.find((word) => PATTERN.test(word));
  if (pattern !== undefined)
    throw refused(path, `GRUB takes "${pattern}" for a pattern of file names`);
  if (options.length > OPTIONS_BYTES_MAX) throw tooLong(path);
  return options;
}

export function tooLong(path: string): TandemError {
  return refused(path, `kernel options longer than ${OPTIONS_BYTES_MAX} bytes`);
}

function refused(path: string, why: string): TandemError {
  return new TandemError("content", `Cannot use ${path} of this image: ${why}`);
}
