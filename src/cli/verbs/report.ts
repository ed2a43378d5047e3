import { doctor } from "../../doctor/doctor.ts";
import { buildInfo } from "../../lib/build-info.ts";
import { TandemError } from "../../lib/error.ts";
import { formatBytes } from "../../lib/units.ts";
import { withMachine } from "../../machine/with-machine.ts";
import type { Machine } from "../../machine/machine.ts";
import type { Part } from "../../report/bundle.ts";
import type { Report } from "../../report/report.ts";
import { single } from "../../report/single.ts";
import { refuseTarget, writeReport } from "../../report/write-report.ts";
import { statusOf } from "../../verdict/status.ts";
import { whyOf } from "../../verdict/why.ts";
import { configText } from "../config-text.ts";
import { type Context, documentOf, print } from "../context.ts";
import { doctorText } from "../doctor-text.ts";
import { output } from "../output.ts";
import { statusText } from "../status-text.ts";
import { defineVerb } from "../verb.ts";
import { versionText } from "../version-text.ts";
import { whyText } from "../why-text.ts";

const STDOUT = "-";

export const report = defineVerb({
  name: "report",
  description:
    "Write one archive for support: what this machine and its disk look like, without secrets",
  args: {
    file: {
      type: "positional",
      required: false,
      description:
        "The archive; tandem-report-TIME.tar.gz in the working directory if not named, - for stdout",
    },
  },
  worksWithBadConfig: true,
  async run(context, { file }) {
    if (file === "")
      throw new TandemError("usage", 'Cannot write the report to "": the name is empty', {
        hint: "Name a file, or - for stdout. Without a name the report is in the working directory.",
      });
    if (file === STDOUT) refuseStdout(context);
    else if (file !== undefined) refuseTarget(context.system, context.system.absolute(file));
    // Loaded here, since no other verb collects and packs a report.
    const { makeReport } = await import("../../report/report.ts");
    const made = await makeReport(context, context.config, partsOf(context));
    if (file === STDOUT) giveArchive(context, made);
    else saveArchive(context, made, file);
  },
});

/** An archive on a terminal helps nobody, and stdout cannot hold both the archive and the result. */
function refuseStdout({ globals }: Context): void {
  const why = globals.json ? "stdout is for the result with --json" : "it is a terminal";
  if (globals.json || process.stdout.isTTY)
    throw new TandemError("usage", `Cannot write the report to stdout: ${why}`, {
      hint: "Name a file: tandem report FILE.",
    });
}

function giveArchive({ talk }: Context, { archive, missing }: Report): void {
  for (const { name, reason } of missing) talk.warn(`${name}: ${firstLine(reason)}, continuing`);
  talk.end();
  output("stdout", archive);
}

function saveArchive(
  context: Context,
  { name, archive, parts, missing }: Report,
  file: string | undefined,
): void {
  const path = context.system.absolute(file ?? `${name}.tar.gz`);
  writeReport(context.system, path, archive);
  const result = {
    path,
    sizeBytes: archive.byteLength,
    parts,
    missing: missing.map((one) => ({ name: one.name, reason: firstLine(one.reason) })),
  };
  print(context, result, reportText);
}

interface ReportResult {
  readonly path: string;
  readonly sizeBytes: number;
  readonly parts: Report["parts"];
  readonly missing: Report["missing"];
}

export function reportText({ path, sizeBytes, parts, missing }: ReportResult): string {
  return [
    `report    ${path} (${formatBytes(sizeBytes)})`,
    `parts     ${parts.join(", ")}`,
    ...missing.map(({ name, reason }) => `missing   ${name}: ${reason}`),
  ].join("\n");
}

/** The bundle has the stack below it. */
function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}

/** What other verbs print. Nothing of it takes the lock or repairs anything. */
function partsOf(context: Context): readonly Part[] {
  const { config, configFault } = context;
  return [
    single("version", "version.txt", () => versionText(buildInfo(), true)),
    single("config", "config.yaml", () => {
      if (configFault !== undefined) throw configFault;
      return configText(context);
    }),
    verbPart("status", () =>
      onMachine(context, (machine) => {
        const result = statusOf(machine);
        return { result, text: statusText(result, machine.loader.ending) };
      }),
    ),
    verbPart("why", () =>
      onMachine(context, (machine) => {
        const result = whyOf(machine);
        return { result, text: whyText(result) };
      }),
    ),
    verbPart("doctor", async () => {
      const result = await doctor(context, config, { fix: false, verify: false });
      return { result, text: doctorText(result) };
    }),
  ];
}

function onMachine<T>(context: Context, look: (machine: Machine) => T): Promise<T> {
  return withMachine(context, { ...context.config, lock: false, allowNew: true }, look);
}

/** What a verb prints: without --json and with it. */
interface Printed {
  readonly result: object;
  readonly text: string;
}

function verbPart(name: string, run: () => Promise<Printed>): Part {
  return {
    name,
    async *files() {
      const { result, text } = await run();
      yield { path: `${name}.txt`, read: () => `${text}\n` };
      yield { path: `${name}.json`, read: () => documentOf(result) };
    },
  };
}
