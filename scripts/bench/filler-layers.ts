/** Images with files of one size, to tell the costs of the number of files from those of their size. */
import { TAR_END, tarMember, type TarMember } from "../../test/peers/tar.ts";
import { compressibleBytes } from "./filler.ts";
import { BLOCK_BYTES, type LayerContent } from "./layer-content.ts";

const KiB = 1024;
const GiB = 1024 * 1024 * KiB;
const SMALL_FILES = 100_000;
const SMALL_BYTES = 1 * KiB;
const FILES_PER_FOLDER = 1000;
const LARGE_BYTES = 256 * 1024 * KiB;
const LARGE_TOTAL_BYTES = 4 * GiB;
const CHUNK_BYTES = 4 * 1024 * KiB;

/** 100,000 files of 1 KiB, a thousand in each folder, spread over `count` layers. */
export function smallFileLayers(count: number): LayerContent[] {
  const folders = SMALL_FILES / FILES_PER_FOLDER;
  return Array.from({ length: count }, (_, layer) => {
    const files = share(folders, layer, count) * FILES_PER_FOLDER;
    return { tar: smallFiles(layer, count), files, dataBytes: files * BLOCK_BYTES };
  });
}

/** How many of `total` files are in layer number `layer` of `count`. */
function share(total: number, layer: number, count: number): number {
  return Math.ceil((total - layer) / count);
}

async function* smallFiles(layer: number, count: number): AsyncGenerator<Uint8Array> {
  for (let folder = layer; folder < SMALL_FILES / FILES_PER_FOLDER; folder += count) {
    const members: TarMember[] = Array.from({ length: FILES_PER_FOLDER }, (_, file) => ({
      path: `srv/${folder}/file-${file}`,
      data: compressibleBytes(`${folder}/${file}`, SMALL_BYTES),
    }));
    yield Buffer.concat(members.map(tarMember));
  }
  yield TAR_END;
}

/** 4 GiB in files of 256 MiB. They are made while they are read, so that memory holds only a few MiB. */
export function largeFileLayers(count: number): LayerContent[] {
  return Array.from({ length: count }, (_, layer) => {
    const files = share(LARGE_TOTAL_BYTES / LARGE_BYTES, layer, count);
    return { tar: largeFiles(layer, count), files, dataBytes: files * LARGE_BYTES };
  });
}

async function* largeFiles(layer: number, count: number): AsyncGenerator<Uint8Array> {
  for (let file = layer; file < LARGE_TOTAL_BYTES / LARGE_BYTES; file += count) {
    yield tarMember({ path: `srv/large-${file}`, kind: "file-header", sizeBytes: LARGE_BYTES });
    for (let at = 0; at < LARGE_BYTES; at += CHUNK_BYTES)
      yield compressibleBytes(`${file}/${at}`, CHUNK_BYTES);
  }
  yield TAR_END;
}
