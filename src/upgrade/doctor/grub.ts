/** GRUB's own files on the EFI system partition (boot/grub.cfg). */
import { type Esp, readText } from "../../boot/esp.ts";
import { envLine, envText, parseEnvBlock } from "../../control/env-block.ts";
import type { EspAccess } from "./esp.ts";
import { readEspFile, replaceEspFile } from "./esp-file.ts";
import { about, type Finding } from "./finding.ts";

const SCRATCH = "/tandem/tries";
const DISK = "/tandem/disk.cfg";
const SCRIPT = "/tandem/grub.cfg";
const ENV_BYTES = 1024;

export function checkGrub(access: EspAccess, esp: Esp): Finding[] {
  return [checkScript(esp), checkDisk(access, esp), checkScratch(access, esp)];
}

/** GRUB starts to count anew. Afterwards no number of a record is one that it has counted under. */
export async function remakeScratch(access: EspAccess): Promise<void> {
  await replaceEspFile(access, SCRATCH, envText([]).padEnd(ENV_BYTES, "#"));
}

function checkScript(esp: Esp): Finding {
  const { ok, bad } = about("GRUB's script", "boot");
  const sizeBytes = esp.read(SCRIPT)?.sizeBytes ?? 0;
  if (sizeBytes > 0) return ok(`${SCRIPT} is there`);
  return bad(`${SCRIPT} is not there`, { advice: "Install the boot loader anew." });
}

function checkDisk(access: EspAccess, esp: Esp): Finding {
  const { ok, bad } = about("GRUB's configuration", "boot");
  const control = `${access.control}`;
  const block = parseEnvBlock(Buffer.from(readEspFile(esp, DISK) ?? "", "latin1"));
  const values = "invalid" in block ? new Map<string, string>() : block.values;
  const named = values.get("control");
  if (named === control) return ok(`${DISK} names control partition ${control}`);
  const flaw = "invalid" in block ? "cannot be used" : `names control partition "${named ?? ""}"`;
  const lines = [...new Map([["fallback", "a"], ...values, ["control", control]])];
  const text = envText(lines.map(([name, value]) => envLine(name, value)));
  return bad(`${DISK} ${flaw}, it is ${control}`, {
    advice: "Run tandem doctor --fix.",
    repair: {
      what: `write ${DISK} anew: control partition ${control}`,
      run: () => replaceEspFile(access, DISK, text.padEnd(ENV_BYTES, "#")),
    },
  });
}

/** GRUB writes into the file's own blocks: it can neither make it nor let it grow. */
function checkScratch(access: EspAccess, esp: Esp): Finding {
  const { ok, bad } = about("GRUB's count", "boot");
  const flaw = flawOfScratch(esp);
  if (flaw === undefined) return ok(`${SCRATCH} is there`);
  return bad(`${SCRATCH} ${flaw}: boots cannot be counted, so no trial begins`, {
    advice: "Run tandem doctor --fix.",
    repair: { what: `make ${SCRATCH} anew`, run: () => remakeScratch(access) },
  });
}

function flawOfScratch(esp: Esp): string | undefined {
  const sizeBytes = esp.read(SCRATCH)?.sizeBytes;
  if (sizeBytes === undefined) return "is not there";
  if (sizeBytes !== ENV_BYTES) return `has ${sizeBytes} bytes, want ${ENV_BYTES}`;
  const block = parseEnvBlock(Buffer.from(readText(esp, SCRATCH, ENV_BYTES) ?? "", "latin1"));
  return "invalid" in block ? `cannot be used: ${block.invalid}` : undefined;
}
