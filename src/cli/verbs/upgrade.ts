import { TRIES_MAX } from "../../control/record.ts";
import { withMachine } from "../../machine/with-machine.ts";
import { upgrade as run, type UpgradeReport } from "../../upgrade/upgrade.ts";
import { JOBS_MAX } from "../config-schema.ts";
import { print } from "../context.ts";
import { restartMachine } from "../restart.ts";
import { count, list, slotNamed, wholes } from "../values.ts";
import { defineVerb } from "../verb.ts";

export const upgrade = defineVerb({
  name: "upgrade",
  description:
    "Write an image into the passive slot and try it next; on a new disk, install the first system",
  args: {
    source: {
      type: "string",
      required: true,
      description:
        "oci:HOST/NAME:TAG, oci-layout:DIR[:REF], oci-archive:FILE[:REF], docker-archive:FILE[:REF] or dir:DIR",
    },
    slot: {
      type: "string",
      description: "The slot to write; recovery is written without a trial",
    },
    tries: {
      type: "string",
      description: "Boots for the new system without a good verdict, 1 to 10",
    },
    reboot: { type: "boolean", description: "Reboot after the image is written" },
    "dry-run": { type: "boolean", description: "Print the plan and change nothing" },
    "retry-bad": { type: "boolean", description: "Try an image again that was rolled back before" },
    force: {
      type: "boolean",
      description: "Take an image that lacks something that Kairos machines need",
    },
    jobs: { type: "string", description: "Layers unpacked side by side" },
    exclude: {
      type: "string",
      description: "PATH that is left out of the new system, with all below it; may be repeated",
    },
    "insecure-registry": {
      type: "string",
      description:
        "HOST[:PORT] that may speak plain HTTP, or TLS with any certificate; may be repeated",
    },
  },
  async run(context, args) {
    const { config } = context;
    const dryRun = args["dry-run"] === true;
    const request = {
      source: args.source,
      slot: slotNamed("--slot", args.slot),
      tries: count("--tries", args.tries, TRIES_MAX) ?? config.tries,
      isTriesNamed: args.tries !== undefined,
      reboot: args.reboot === true,
      force: args.force === true,
      dryRun,
      retryBad: args["retry-bad"] === true,
      jobs: count("--jobs", args.jobs, JOBS_MAX) ?? config.jobs,
      minimumRate: config.minimumRate,
      exclude: wholes(args.exclude),
      insecureRegistries: [...config.insecureRegistries, ...list(args["insecure-registry"])],
    };
    const report = await withMachine(
      context,
      { ...config, lock: !dryRun, allowNew: true },
      (machine) => run(context, machine, request),
    );
    print(context, report, text);
    const isDone = report.outcome === "upgraded" || report.outcome === "stored";
    if (isDone && request.reboot) await restartMachine(context, { force: false, wait: false });
  },
});

function text(report: UpgradeReport): string {
  switch (report.outcome) {
    case "nothing":
      return `Nothing to do: ${report.reason}`;
    case "planned":
      return [
        `Would upgrade slot ${report.slot} to ${report.digest}:`,
        ...report.steps.map((step) => `  ${step}`),
      ].join("\n");
    case "upgraded":
      return `Slot ${report.slot} holds ${named(report)} and is tried at the next boot, up to ${report.tries} time(s)`;
    case "installed":
      return `Slot ${report.slot} holds ${named(report)}, the first system of the disk, and boots next`;
    case "stored":
      return `Slot ${report.slot} holds ${named(report)} and boots when the other slots are used up`;
  }
}

function named({ digest, version }: Extract<UpgradeReport, { bytesWritten: number }>): string {
  return version === undefined ? digest : `${digest} (${version})`;
}
