/** Small files on the EFI system partition that doctor writes anew. FAT cannot replace one in a single step. */
import { contentOf, type Esp, readText } from "../boot/esp/esp.ts";
import type { EspAccess } from "./esp.ts";

/** What is larger is none of these files. */
const BYTES_MAX = 64 * 1024;

/** The text of a file, or what a cut has left of its replacement. undefined: there is neither, or it is too large. */
export function readEspFile(esp: Esp, path: string): string | undefined {
  return readText(esp, path, BYTES_MAX) ?? readText(esp, besides(path), BYTES_MAX);
}

/** Writes a file anew. A cut may leave none under its name, but never loses what is to be in it. Throws `boot`. */
export async function replaceEspFile(access: EspAccess, path: string, text: string): Promise<void> {
  const esp = access.open({ write: true });
  if (esp === undefined) return;
  try {
    await esp.makeFolder(path.slice(0, path.lastIndexOf("/")));
    await esp.remove(besides(path));
    await esp.write(besides(path), contentOf(text));
    await esp.remove(path);
    await esp.write(path, contentOf(text));
    await esp.remove(besides(path));
  } finally {
    esp.close();
  }
}

/** "/tandem/disk.new" for "/tandem/disk.cfg". */
function besides(path: string): string {
  return path.replace(/(?:\.[^./]*)?$/, ".new");
}
