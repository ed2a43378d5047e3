import { reasonOf, TandemError } from "../lib/error.ts";
import type { Files, RandomFile } from "../system/files.ts";
import type { LayoutFiles } from "./blob-store.ts";
import { layoutSource, splitPathAndRef } from "./oci-layout.ts";
import type { OpenSource } from "./source.ts";
import { indexTar, type TarSpan } from "./tar-index.ts";

/** Opens oci-archive:FILE[:REF]. The archive is read in place and not unpacked. */
export const openArchive: OpenSource = (text, { files, architecture }) => {
  const { path, ref } = splitPathAndRef(text, files);
  const name = `oci-archive:${path}`;
  const file = openFile(files, path);
  try {
    return layoutSource(archiveFiles(file, name), ref, architecture);
  } catch (error) {
    file.close();
    throw error;
  }
};

function openFile(files: Files, path: string): RandomFile {
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
