import type { Files } from "../system/files.ts";
import { openTar } from "./archive.ts";

/** Which kind of source an archive is: by its content, since its name says nothing. */
export type ArchiveForm = "oci-archive" | "docker-archive";

/**
 * An archive of `docker save` may hold both forms; then it is read as the one that has digests. Throws "source" when
 * there is no such file, and "content" when it is no tar.
 */
export function archiveForm(files: Pick<Files, "open">, path: string): ArchiveForm {
  const archive = openTar(files, path, path);
  const has = (name: string): boolean => archive.open(name) !== undefined;
  try {
    return has("index.json") || !has("manifest.json") ? "oci-archive" : "docker-archive";
  } finally {
    archive.close();
  }
}
