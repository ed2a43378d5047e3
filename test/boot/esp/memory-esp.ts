/** An ESP in memory with some files on it. */
import { contentOf, type Esp } from "../../../src/boot/esp/esp.ts";
import { rawEsp } from "../../../src/boot/esp/raw-esp.ts";
import { fatImage } from "../../fakes/fat-image.ts";

export async function memoryEsp(files: Readonly<Record<string, string>>): Promise<Esp> {
  const esp = rawEsp(fatImage(16).file("the ESP"));
  for (const [path, text] of Object.entries(files)) {
    const names = path.split("/").slice(1, -1);
    for (const index of names.keys())
      await esp.makeFolder(`/${names.slice(0, index + 1).join("/")}`);
    await esp.write(path, contentOf(text));
  }
  return esp;
}
