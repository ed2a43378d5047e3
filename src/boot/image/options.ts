/** The kernel options of an image. */
import { OPTIONS_BYTES_MAX } from "../../control/spec.ts";
import { TandemError } from "../../lib/error.ts";

/**
 * The options that only tandem sets. An image cannot know its partition, and must not set the options of the boot loader. A panic must end
 * a counted boot, so the image must not change how long the kernel waits after a panic; sysctl.* changes that when init runs. `initrd=`
 * would name a file that is not on the ESP, and the kernel's EFI stub fails when it cannot find the file.
 */
const SET_BY_TANDEM =
  /^(?:root=.*|rootfstype=.*|ro|rw|BOOT_IMAGE=.*|tandem\..*|initrd=.*|panic=.*|sysctl[./]kernel[./]panic=.*)$/;

/** GRUB 2.06 expands a word that begins like this as a pattern of file or device names. */
const PATTERN = /^(?:\*|[/(].*[*?])/;

/** The options in a cmdline file, on one line. Lines that start with "#" and options that tandem sets are left out. Throws `content`. */
export function parseOptions(text: string, path: string): string {
  const words = text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join(" ")
    .split(/[ \t\r]+/)
    .filter((option) => option !== "" && !SET_BY_TANDEM.test(option));
  const options = words.join(" ");
  if (!/^[\x20-\x7e]*$/.test(options)) throw refused(path, "not plain ASCII text");
  // GRUB escapes them with a backslash when it expands a variable. Linux does not know that escape.
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
