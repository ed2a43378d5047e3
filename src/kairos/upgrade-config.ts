import * as v from "valibot";
import { TandemError } from "../lib/error.ts";
import type { ConfigMap, ConfigTree } from "./config-tree.ts";

/** What the key `upgrade` of the configuration asks for. */
export interface UpgradeConfig {
  /** "recovery", or an entry of systemd-boot. Undefined for the active system. */
  readonly entry: string | undefined;
  readonly system: UpgradeImage;
  readonly recovery: UpgradeImage;
  readonly excludedPaths: readonly string[];
  /** Folders that the new system needs besides those of every system. */
  readonly extraFolders: readonly string[];
  readonly allowInsecureRegistries: boolean;
  /** The title of the boot entry. */
  readonly entryTitle: string | undefined;
  readonly reboot: boolean;
  readonly powerOff: boolean;
}

export interface UpgradeImage {
  /** As it is written: "oci:host/name:tag". Undefined when there is none. */
  readonly source: string | undefined;
  /** The least size of the image file. Undefined when none is configured. */
  readonly sizeMiB: number | undefined;
}

/** The kernel command line gives all values as text. */
const truth = v.union(
  [
    v.boolean(),
    v.pipe(
      v.picklist(["", "true", "false"]),
      v.transform((text) => text === "true"),
    ),
  ],
  "must be true or false",
);
const text = v.nullable(
  v.union([v.string(), v.pipe(v.number(), v.transform(String))], "must be a text"),
);
const list = v.nullable(v.array(v.string(), "must be a list of texts"));
/** 16 TiB: the largest file on ext4 with blocks of 4 KiB. */
const SIZE_MIB_MAX = 16 * 1024 * 1024;
const size = v.pipe(
  v.union(
    [v.number(), v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number))],
    "must be a number of MiB",
  ),
  v.integer("must be a whole number of MiB"),
  v.minValue(0, "must be a number of MiB"),
  v.maxValue(SIZE_MIB_MAX, `must be at most ${SIZE_MIB_MAX} MiB`),
);
const image = v.nullish(
  v.looseObject({ source: v.optional(text), uri: v.optional(text), size: v.optional(size) }),
);

/** Other keys are for others, and for later versions. */
const schema = v.looseObject({
  entry: v.optional(text),
  recovery: v.optional(truth),
  system: image,
  "recovery-system": image,
  "excluded-paths": v.optional(list),
  "extra-dirs-rootfs": v.optional(list),
  "allow-insecure-registries": v.optional(truth),
  "grub-entry-name": v.optional(text),
  reboot: v.optional(truth),
  poweroff: v.optional(truth),
});

/** Reads the key `upgrade`. Throws "usage" when a value has the wrong kind. */
export function upgradeConfigOf(values: ConfigMap): UpgradeConfig {
  const given = parse(values["upgrade"]);
  return {
    entry: given.entry || (given.recovery === true ? "recovery" : undefined),
    system: imageOf(given.system),
    recovery: imageOf(given["recovery-system"]),
    excludedPaths: given["excluded-paths"] ?? [],
    extraFolders: given["extra-dirs-rootfs"] ?? [],
    allowInsecureRegistries: given["allow-insecure-registries"] === true,
    entryTitle: given["grub-entry-name"] || undefined,
    reboot: given.reboot === true,
    powerOff: given.poweroff === true,
  };
}

function parse(value: ConfigTree | undefined): v.InferOutput<typeof schema> {
  const result = v.safeParse(schema, value ?? {});
  if (result.success) return result.output;
  const [issue] = result.issues;
  const place = ["upgrade", ...(v.getDotPath(issue)?.split(".") ?? [])].join(".");
  throw new TandemError("usage", `Cannot use the configuration: ${place}: ${issue.message}`);
}

/** `uri` is the older name of `source`. */
function imageOf(given: v.InferOutput<typeof image>): UpgradeImage {
  return {
    source: (given?.source || given?.uri) ?? undefined,
    sizeMiB: given?.size === undefined || given.size === 0 ? undefined : given.size,
  };
}
