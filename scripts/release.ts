/** Makes the files of a release: the compressed binary, and the checksums. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const NOTICES = "THIRD-PARTY";
const CHECKSUMS = "SHA256SUMS";

/** Writes tandem-linux-amd64.zst and SHA256SUMS (as sha256sum(1) reads it) beside the binary. Takes a minute. */
export function release(binary: string): void {
  const folder = dirname(binary);
  const compressed = join(folder, `${basename(binary)}-linux-amd64.zst`);
  const args = ["-19", "--quiet", "--force", "-T0", binary, "-o", compressed];
  const { status, error } = spawnSync("zstd", args, { stdio: "inherit" });
  if (status !== 0)
    throw new Error(
      `Cannot compress "${binary}": zstd ${error?.message ?? `ended with ${status}`}`,
    );
  const files = [binary, compressed, join(folder, NOTICES)];
  writeFileSync(join(folder, CHECKSUMS), files.map(checksumLine).join(""));
}

function checksumLine(path: string): string {
  const digest = new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
  return `${digest}  ${basename(path)}\n`;
}
