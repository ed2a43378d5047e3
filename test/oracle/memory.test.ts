/** A write takes no more memory for a large image than for a small one, as counted by the kernel. */
import { expect, test } from "bun:test";

import { measured } from "../../scripts/bench/measure.ts";
import { compressibleBytes } from "../../scripts/bench/filler.ts";
import { writeImage } from "../peers/image.ts";
import { TAR_END, tarMember } from "../peers/tar.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const MiB = 1024 * 1024;
/** The tolerance, because the time of garbage collections varies. */
const NOISE_BYTES = 24 * MiB;

async function* oneFile(sizeBytes: number): AsyncGenerator<Uint8Array> {
  yield tarMember({ path: "large", kind: "file-header", sizeBytes });
  for (let at = 0; at < sizeBytes; at += MiB) yield compressibleBytes(`${at}`, MiB);
  yield TAR_END;
}

/** Returns the peak of a process that writes two layers with one file each. */
async function peakBytes(fileBytes: number): Promise<number> {
  await using folder = await temporaryFolder();
  const layers = [fileBytes, fileBytes].map((bytes) => ({
    tar: oneFile(bytes),
    compression: "zstd" as const,
  }));
  const { layout } = await writeImage(folder.in("image"), { layers });
  const size = `${Math.ceil((2 * fileBytes) / MiB) + 64}MiB`;
  const words = ["write", `oci-layout:${layout}`, folder.in("target"), "--size", size];
  return (await measured(process.execPath, "src/main.ts", ...words)).peakBytes;
}

test("the peak of memory does not grow with the size of files", async () => {
  const small = await peakBytes(48 * MiB);
  const large = await peakBytes(384 * MiB);
  expect(small).toBeGreaterThan(0);
  expect(large).toBeLessThan(small + NOISE_BYTES);
});
