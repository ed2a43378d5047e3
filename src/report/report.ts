import type { Work } from "../machine/open-source.ts";
import type { LayoutOptions } from "../slot/layouts.ts";
import type { System } from "../system/system.ts";
import { archiveOf } from "./archive.ts";
import { Bundle, type Missing, type Part } from "./bundle.ts";
import { controlPart } from "./control.ts";
import { espPart } from "./esp.ts";
import { journalPart } from "./journal.ts";
import { kairosParts } from "./kairos.ts";
import { learnKairosSecrets } from "./kairos-config.ts";
import { kernelParts } from "./kernel.ts";
import { knownSecrets, learnCredentials } from "./known-secrets.ts";
import { partitionTablePart } from "./partition-table.ts";
import { pstorePart } from "./pstore.ts";
import { Redactor } from "./redact.ts";
import { single } from "./single.ts";

/** A support bundle: an archive of what is known about this machine and its disk, without secrets. */
export interface Report {
  /** The name of the folder in the archive. */
  readonly name: string;
  readonly archive: Uint8Array;
  readonly parts: readonly string[];
  readonly missing: readonly Missing[];
}

/**
 * Collects the `parts` of the caller, and those of the machine and the disk. **Changes nothing and takes no lock.** Each part is
 * tried by itself, so it works on a damaged disk, without a disk, as an ordinary user and in an initramfs.
 */
export async function makeReport(
  { system, talk, signal }: Work,
  config: LayoutOptions,
  parts: readonly Part[],
): Promise<Report> {
  const at = system.now().toISOString();
  const secrets = knownSecrets(system, config);
  const bundle = new Bundle(new Redactor(secrets), signal);
  // First, so that the secrets in these files are removed from all later parts.
  const credentials = single("credentials", "credentials.txt", () => {
    learnKairosSecrets(system, secrets);
    learnCredentials(system, secrets);
    return "Credentials are never part of a report. Their files could be read, or there are none.\n";
  });
  for (const part of [credentials, ...parts, ...machineParts(system, config)]) {
    talk.progress({ step: `Collecting ${part.name}` });
    await bundle.collect(part);
  }
  const name = reportName(at);
  const archive = archiveOf(name, bundle.files, at);
  return { name, archive, parts: bundle.parts, missing: bundle.missing };
}

function machineParts(system: System, config: LayoutOptions): readonly Part[] {
  return [
    controlPart(system, config),
    partitionTablePart(system, config.disk),
    espPart(system, config.disk),
    ...kernelParts(system),
    pstorePart(system),
    journalPart(system),
    ...kairosParts(system, config.disk),
  ];
}

/** "tandem-report-20261128T094000Z" */
function reportName(at: string): string {
  return `tandem-report-${at.slice(0, "2026-11-28T09:40:00".length).replaceAll(/[-:]/g, "")}Z`;
}
