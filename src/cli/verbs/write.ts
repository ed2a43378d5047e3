import { formatBytes } from "../../lib/units.ts";
import { write as run } from "../../upgrade/write.ts";
import { JOBS_MAX } from "../config-schema.ts";
import { print } from "../context.ts";
import { count, fileSystemLabel, list, size, wholes } from "../values.ts";
import { defineVerb } from "../verb.ts";

export const write = defineVerb({
  name: "write",
  description:
    "Write an image's root file system into a file or device, changing nothing about what boots",
  args: {
    source: {
      type: "positional",
      required: true,
      description:
        "oci:HOST/NAME:TAG, oci-layout:DIR[:REF], oci-archive:FILE[:REF], docker-archive:FILE[:REF] or dir:DIR",
    },
    target: { type: "positional", required: true, description: "A block device or a plain file" },
    size: { type: "string", description: "Make the file this large: 512MiB, 2GiB" },
    label: { type: "string", description: "Label of the file system, at most 16 bytes" },
    force: {
      type: "boolean",
      description: "Write over a partition table or file system that is there",
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
    const result = await run(context, {
      source: args.source,
      target: args.target,
      sizeBytes: size("--size", args.size),
      label: fileSystemLabel("--label", args.label) ?? "tandem",
      force: args.force === true,
      jobs: count("--jobs", args.jobs, JOBS_MAX) ?? context.config.jobs,
      minimumRate: context.config.minimumRate,
      exclude: wholes(args.exclude),
      insecureRegistries: [
        ...context.config.insecureRegistries,
        ...list(args["insecure-registry"]),
      ],
    });
    print(
      context,
      result,
      ({ digest, target, inodes, usedBytes, sizeBytes }) =>
        `${target} holds ${digest}: ${inodes} inodes, ${formatBytes(usedBytes)} of ${formatBytes(sizeBytes)} used`,
    );
  },
});
