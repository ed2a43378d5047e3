import { gptProblems, restoreGpt } from "../disk/gpt-repair.ts";
import { refuseMbrDisk, restoreProtectiveMbr } from "../disk/mbr.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import type { BlockFile } from "../system/block-file.ts";
import { about, type Finding } from "../lib/finding.ts";

/** Opens the whole disk; the caller closes it. */
export type OpenDisk = (options: { readonly write: boolean }) => BlockFile;

/**
 * Findings about both copies of the partition table and the first sector. Throws "disk" when the disk cannot be read.
 */
export function examineTable(open: OpenDisk): Finding[] {
  const disk = open({ write: false });
  try {
    const foreign = checkMbr(disk);
    if (foreign !== undefined) return [foreign];
    const { primary, backup, protectiveMbr } = gptProblems(disk);
    return [
      checkCopies(open, { primary, backup }),
      protectiveMbr === undefined
        ? about("first sector", "disk").ok("it protects the partition table")
        : about("first sector", "disk").warn(protectiveMbr, {
            advice: "Run tandem doctor --fix: some firmware does not boot from such a disk.",
            repair: {
              what: "write the partition entries of the first sector anew",
              run: () => repair(open, restoreProtectiveMbr),
            },
          }),
    ];
  } finally {
    disk.close();
  }
}

/** A disk with another kind of table is not repaired: it may belong to another system now. */
function checkMbr(disk: BlockFile): Finding | undefined {
  try {
    refuseMbrDisk(disk);
    return undefined;
  } catch (error) {
    if (!(error instanceof TandemError) || error.hint === undefined) throw error;
    return about("first sector", "disk").bad(reasonOf(error), { advice: error.hint });
  }
}

function checkCopies(
  open: OpenDisk,
  {
    primary,
    backup,
  }: { readonly primary: string | undefined; readonly backup: string | undefined },
): Finding {
  const { ok, warn, bad } = about("partition table", "disk");
  if (primary !== undefined && backup !== undefined)
    return bad(`both copies are lost: primary: ${primary}; backup: ${backup}`, {
      advice: "Restore the table from a backup of it, such as one made by sgdisk --backup.",
    });
  const broken = primary === undefined ? "backup" : "primary";
  const why = primary ?? backup;
  if (why === undefined) return ok("both copies are whole");
  const more = {
    advice: "Run tandem doctor --fix.",
    repair: {
      what: `write the ${broken} partition table anew from the other one`,
      run: () => repair(open, (disk) => restoreGpt(disk, broken)),
    },
  };
  const text = `the ${broken} copy cannot be used: ${why}`;
  return broken === "primary" ? bad(text, more) : warn(text, more);
}

async function repair(open: OpenDisk, action: (disk: BlockFile) => Promise<void>): Promise<void> {
  const disk = open({ write: true });
  try {
    await action(disk);
  } finally {
    disk.close();
  }
}
