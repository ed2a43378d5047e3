/** EFI variables of systemd-boot, of the machine that this program runs on: the Boot Loader Interface. */
import type { Files } from "../../system/files.ts";

const FOLDER = "/sys/firmware/efi/efivars";
const VENDOR = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/** efivarfs puts the attributes before the value. */
const ATTRIBUTES_BYTES = 4;

/** The text in a variable. undefined: there is none, or it cannot be read. */
export function readEfiVariable(files: Pick<Files, "readBytes">, name: string): string | undefined {
  try {
    const bytes = files.readBytes(`${FOLDER}/${name}-${VENDOR}`)?.subarray(ATTRIBUTES_BYTES);
    return (
      bytes &&
      Buffer.from(bytes)
        .toString("utf16le")
        .replace(/\0[\s\S]*$/, "")
    );
  } catch {
    // Some firmware fails to give a variable, and not everybody may read one.
    return undefined;
  }
}
