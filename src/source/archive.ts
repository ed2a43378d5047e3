import { reasonOf, TandemError } from "../lib/error.ts";
import type { Files, RandomFile } from "../system/files.ts";
import type { LayoutFiles } from "./blob-store.ts";
import { layoutSource, splitPathAndRef } from "./oci-layout.ts";
import type { OpenSource } from "./source.ts";
import { indexTar, type TarSpan } from "./tar-index.ts";

/** Opens oci-archive:FILE[:REF]. The archive is read in place and not unpacked. */
export const openArchive: OpenSource = (text, { files, architecture }) => {
  const { path, ref } = splitPathAndRef(text, files);
  return layoutSource(openTar(files, path, `oci-archive:${path}`), ref, architecture);
};

/** The regular files of a tar. `name` names it in messages. Throws "source", and "content" when it is no tar. */
export function openTar(files: Pick<Files, "open">, path: string, name: string): LayoutFiles {
  const file = openFile(files, path);
  try {
    return archiveFiles(file, name);
  } catch (error) {
    file.close();
    throw error;
  }
}

function openFile(files: Pick<Files, "open">, path: string): RandomFile {
  try {
    return files.open(path);
  } catch (error) {
    throw new TandemError("source", `Cannot open "${path}": ${reasonOf(error)}`, { cause: error });
  }
}

function archiveFiles(file: RandomFile, name: string): LayoutFiles {
  const spans = indexTar(file, name);
  return {
    name,
    open: (path) => {
      const span = spans.get(path);
      return span === undefined ? undefined : partOf(file, span);
    },
    close: () => file.close(),
  };
}

function partOf(file: RandomFile, { offsetBytes, sizeBytes }: TarSpan): RandomFile {
  return {
    sizeBytes,
    readInto: (at, target) => file.readInto(offsetBytes + at, target),
    close() {},
  };
}
