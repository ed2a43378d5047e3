import { envLine, envText, parseEnvBlock } from "../../control/env-block.ts";
import { Fat } from "../../disk/fat.ts";
import type { Partition } from "../../disk/gpt.ts";
import { reasonOf, TandemError } from "../../lib/error.ts";
import { formatBytes } from "../../lib/units.ts";
import type { BlockFile } from "../../system/block-file.ts";
import { about, type Finding } from "./finding.ts";

/** How the EFI system partition is reached. */
export interface Esp {
  /** The caller closes it. Throws `disk`, also when it is to be written and is mounted. */
  open(options: { readonly write: boolean }): BlockFile;
  readonly control: Partition;
}

/** GRUB's own files (boot/grub.cfg). */
const SCRATCH = "/tandem/tries";
const DISK = "/tandem/disk.cfg";
const SCRIPT = "/tandem/grub.cfg";
const ENV_BYTES = 1024;

/** What GRUB needs on the EFI system partition. */
export function checkEsp(esp: Esp | undefined): Finding[] {
  const { ok, bad } = about("EFI system partition", "boot");
  if (esp === undefined) return [bad("there is none on this disk", { advice: "Install again." })];
  try {
    const block = esp.open({ write: false });
    try {
      const fat = Fat.open(block);
      const free = ok(`readable, ${formatBytes(fat.freeBytes)} free`);
      return [free, checkScript(fat), checkDisk(esp, fat), checkScratch(esp, fat)];
    } finally {
      block.close();
    }
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    return [bad(reasonOf(error), { advice: "Make its file system and the boot loader anew." })];
  }
}

/** GRUB starts to count anew. Afterwards no number of a record is one that it has counted under. */
export async function remakeScratch(esp: Esp): Promise<void> {
  await replace(esp, SCRATCH, envText([]).padEnd(ENV_BYTES, "#"));
}

function checkScript(fat: Fat): Finding {
  const { ok, bad } = about("GRUB's script", "boot");
  const sizeBytes = fat.read(SCRIPT)?.sizeBytes ?? 0;
  if (sizeBytes > 0) return ok(`${SCRIPT} is there`);
  return bad(`${SCRIPT} is not there`, { advice: "Install the boot loader anew." });
}

function checkDisk(esp: Esp, fat: Fat): Finding {
  const { ok, bad } = about("GRUB's configuration", "boot");
  const { number } = esp.control;
  const block = parseEnvBlock(bytesOf(fat, DISK) ?? new Uint8Array(ENV_BYTES));
  const values = "invalid" in block ? new Map<string, string>() : block.values;
  const named = values.get("control");
  if (named === `${number}`) return ok(`${DISK} names control partition ${number}`);
  const flaw = "invalid" in block ? "cannot be used" : `names control partition "${named ?? ""}"`;
  const lines = [...new Map([["fallback", "a"], ...values, ["control", `${number}`]])];
  const text = envText(lines.map(([name, value]) => envLine(name, value)));
  return bad(`${DISK} ${flaw}, it is ${number}`, {
    advice: "Run tandem doctor --fix.",
    repair: {
      what: `write ${DISK} anew: control partition ${number}`,
      run: () => replace(esp, DISK, text.padEnd(ENV_BYTES, "#")),
    },
  });
}

/** GRUB writes into the file's own blocks: it can neither make it nor let it grow. */
function checkScratch(esp: Esp, fat: Fat): Finding {
  const { ok, bad } = about("GRUB's count", "boot");
  const bytes = bytesOf(fat, SCRATCH);
  const flaw = flawOfScratch(bytes);
  if (flaw === undefined) return ok(`${SCRATCH} is there`);
  return bad(`${SCRATCH} ${flaw}: boots cannot be counted, so no trial begins`, {
    advice: "Run tandem doctor --fix.",
    repair: { what: `make ${SCRATCH} anew`, run: () => remakeScratch(esp) },
  });
}

function flawOfScratch(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return "is not there";
  if (bytes.byteLength !== ENV_BYTES) return `has ${bytes.byteLength} bytes, want ${ENV_BYTES}`;
  const block = parseEnvBlock(bytes);
  return "invalid" in block ? `cannot be used: ${block.invalid}` : undefined;
}

/** Undefined: not there, or too large to be what it should be. */
function bytesOf(fat: Fat, path: string): Uint8Array | undefined {
  const BYTES_MAX = 64 * 1024;
  const content = fat.read(path);
  if (content === undefined || content.sizeBytes > BYTES_MAX) return undefined;
  // Each chunk is only valid until the next.
  return Buffer.concat([...content.read()].map((chunk) => Buffer.from(chunk)));
}

/** FAT cannot replace a file in one step. A cut between the two leaves none, which is as bad as what was there. */
async function replace(esp: Esp, path: string, text: string): Promise<void> {
  const bytes = Buffer.from(text, "latin1");
  const block = esp.open({ write: true });
  try {
    const fat = Fat.open(block);
    await fat.makeFolder("/tandem");
    await fat.remove(path);
    await fat.write(path, { sizeBytes: bytes.byteLength, read: () => [bytes] });
  } finally {
    block.close();
  }
}
