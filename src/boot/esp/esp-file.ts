/** Small files on the EFI system partition that doctor replaces. FAT cannot replace a file in one step. */
import type { TandemEsp } from "./choose-esp.ts";
import { contentOf, type Esp, readEspText } from "./esp.ts";

/** None of these files is larger. */
const BYTES_MAX = 64 * 1024;

/** The text of a file. After a cut in its replacement, that of the new file. undefined: there is neither, or it is too large. */
export function readEspFile(esp: Esp, path: string): string | undefined {
  return readEspText(esp, path, BYTES_MAX) ?? readEspText(esp, secondName(path), BYTES_MAX);
}

/** Replaces a file. A cut may leave no file under its name, but then the new one is there under its second name. Throws `boot`. */
export async function replaceEspFile(place: TandemEsp, path: string, text: string): Promise<void> {
  const esp = place.open({ write: true });
  if (esp === undefined) return;
  try {
    await esp.makeFolder(path.slice(0, path.lastIndexOf("/")));
    await esp.remove(secondName(path));
    await esp.write(secondName(path), contentOf(text));
    await esp.remove(path);
    await esp.write(path, contentOf(text));
    await esp.remove(secondName(path));
  } finally {
    esp.close();
  }
}

/** "/tandem/disk.new" for "/tandem/disk.cfg". */
function secondName(path: string): string {
  return path.replace(/(?:\.[^./]*)?$/, ".new");
}
