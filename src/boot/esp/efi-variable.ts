/** The EFI variables of the Boot Loader Interface, which systemd-boot sets. They are those of this machine. */
import type { Files } from "../../system/files.ts";

const FOLDER = "/sys/firmware/efi/efivars";
const VENDOR = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/** In efivarfs the attributes come before the value. */
const ATTRIBUTES_BYTES = 4;

/** The text of a variable. undefined: there is no such variable, or it cannot be read. */
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
    // Some firmware fails to return a variable, and some variables only root may read.
    return undefined;
  }
}
