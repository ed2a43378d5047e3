import { createTar } from "nanotar";
import type { BundleFile } from "./bundle.ts";

/** POSIX ends an archive with two blocks of zeros. nanotar writes them only where its rounding happens to leave room. */
const END = new Uint8Array(2 * 512);

/**
 * A tar archive, compressed with gzip, whose files lie in one folder. They belong to root, who alone may read them, and are of
 * the time `at`, as in ISO 8601.
 */
export function archiveOf(folder: string, files: readonly BundleFile[], at: string): Uint8Array {
  const attrs = { mode: "600", uid: 0, gid: 0, mtime: Date.parse(at) };
  const members = files.map(({ path, text }) => ({ name: `${folder}/${path}`, data: text }));
  return Bun.gzipSync(Buffer.concat([createTar(members, { attrs }), END]));
}
