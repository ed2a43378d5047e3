import type { LoaderChoice } from "../boot/loaders.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import type { AftermathPlan } from "../health/aftermath.ts";
import type { CheckPlan } from "../health/checks.ts";
import type { WatchdogPlan } from "../health/watchdog.ts";
import { MINIMUM_RATE } from "../oci/patience.ts";
import { type Labels, LABELS } from "../slot/labels.ts";
import { insideRoot } from "../system/inside-root.ts";
import type { System } from "../system/system.ts";
import { checkConfig, ConfigFault, type ConfigValues } from "./config-schema.ts";
import type { Globals } from "./globals.ts";

export interface Config {
  readonly disk: string | undefined;
  readonly bootloader: LoaderChoice;
  readonly labels: Required<Labels>;
  readonly insecureRegistries: readonly string[];
  /** The fewest bytes a second that a registry may send, measured over a minute. 0: no minimum. */
  readonly minimumRate: number;
  readonly tries: number;
  /** Boots of the good slot without a verdict. 0: no limit. undefined: the limit in the boot record. */
  readonly limit: number | undefined;
  readonly jobs: number | undefined;
  /** overdueSeconds: a counted boot must have its verdict so long after the kernel has started. */
  readonly health: CheckPlan & AftermathPlan & { readonly overdueSeconds: number };
  readonly watchdog: WatchdogPlan;
}

const DEFAULTS: Config = {
  disk: undefined,
  bootloader: "auto",
  labels: { ...LABELS, esp: undefined },
  insecureRegistries: [],
  minimumRate: MINIMUM_RATE,
  tries: 3,
  limit: undefined,
  jobs: undefined,
  health: {
    required: programFolders("check/required.d"),
    wanted: programFolders("check/wanted.d"),
    green: programFolders("green.d"),
    red: programFolders("red.d"),
    checkSeconds: 60,
    deadlineSeconds: 300,
    overdueSeconds: 1200,
    expect: {
      mounted: [],
      noFailedUnits: false,
      freeSpace: {},
      urls: [],
      tcp: [],
      processes: [],
    },
  },
  watchdog: { device: "/dev/watchdog0", seconds: 600 },
};

/** The folders of greenboot are searched as well, so that an image made for greenboot needs no change. */
function programFolders(name: string): string[] {
  const own = name.replace("check/", "");
  return [
    `/usr/lib/tandem/${own}`,
    `/etc/tandem/${own}`,
    `/usr/lib/greenboot/${name}`,
    `/etc/greenboot/${name}`,
  ];
}

const DROP_INS = "/etc/tandem/config.d";

/**
 * The configuration and the origin of each value. Later sources win: files in their order, then TANDEM_* variables, then
 * flags.
 */
export function loadConfig(
  system: System,
  globals: Globals,
): { config: Config; origins: Map<string, string> } {
  const origins = new Map<string, string>();
  let config = DEFAULTS;
  for (const { origin, values } of [
    ...files(system, globals).flatMap((path) => fromFile(system, path, path === globals.config)),
    ...fromEnvironment(system),
    { origin: "--disk", values: globals.disk === undefined ? {} : { disk: globals.disk } },
  ]) {
    recordOrigin(origins, origin, values);
    config = merged(config, values);
  }
  return { config, origins };
}

/** The defaults, for a verb that has to work although the configuration cannot be used. */
export function defaultConfig({ disk }: Globals): Config {
  return { ...DEFAULTS, disk };
}

/** The configuration inside the image at `root`. undefined: the image has none. */
export function loadImageConfig(system: System, root: string): Config | undefined {
  const layers = systemFiles(system, root).flatMap((path) => fromFile(system, path, false));
  if (layers.length === 0) return undefined;
  return layers.reduce((config, { values }) => merged(config, values), DEFAULTS);
}

function files(system: System, globals: Globals): string[] {
  const named = globals.config === undefined ? [] : [globals.config];
  return [...systemFiles(system, "/"), ...named];
}

function systemFiles(system: System, root: string): string[] {
  const inRoot = (path: string): string => insideRoot(system, root, path);
  const dropIns = system.files
    .list(inRoot(DROP_INS))
    .filter((name) => name.endsWith(".yaml"))
    .toSorted()
    .map((name) => `${DROP_INS}/${name}`);
  const paths = ["/usr/lib/tandem/config.yaml", "/etc/tandem/config.yaml", ...dropIns];
  return root === "/" ? paths : paths.map((path) => inRoot(path));
}

interface Layer {
  readonly origin: string;
  readonly values: ConfigValues;
}

function fromFile(system: System, path: string, mustExist: boolean): Layer[] {
  try {
    const text = system.files.readText(path);
    if (text === undefined && mustExist) throw new Error("there is no such file");
    return text === undefined
      ? []
      : [{ origin: path, values: checkConfig(Bun.YAML.parse(text) ?? {}) }];
  } catch (cause) {
    throw new TandemError("usage", `Cannot use configuration ${path}: ${reasonOf(cause)}`, {
      cause,
      ...(cause instanceof ConfigFault && cause.hint !== undefined ? { hint: cause.hint } : {}),
    });
  }
}

function fromEnvironment({ environment }: System): Layer[] {
  const { TANDEM_DISK, TANDEM_TRIES, TANDEM_LIMIT, TANDEM_JOBS, TANDEM_INSECURE_REGISTRIES } =
    environment;
  const values = [
    ["TANDEM_DISK", TANDEM_DISK, { disk: TANDEM_DISK }],
    ["TANDEM_TRIES", TANDEM_TRIES, { tries: numberIn(TANDEM_TRIES) }],
    ["TANDEM_LIMIT", TANDEM_LIMIT, { limit: numberIn(TANDEM_LIMIT) }],
    ["TANDEM_JOBS", TANDEM_JOBS, { jobs: numberIn(TANDEM_JOBS) }],
    [
      "TANDEM_INSECURE_REGISTRIES",
      TANDEM_INSECURE_REGISTRIES,
      { insecureRegistries: TANDEM_INSECURE_REGISTRIES?.split(",") },
    ],
  ] as const;
  return values.flatMap(([origin, text, value]) => {
    if (text === undefined || text === "") return [];
    try {
      return [{ origin, values: checkConfig(value) }];
    } catch (cause) {
      const reason = cause instanceof ConfigFault ? cause.reason : reasonOf(cause);
      throw new TandemError("usage", `Cannot use ${origin}="${text}": ${reason}`);
    }
  });
}

/** Text that is not a plain number is returned as it is, and the schema refuses it: Number(" ") is 0, Number("0x3") is 3. */
function numberIn(text: string | undefined): number | string | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : text;
}

/** Records the origin of each value under its path, such as "health.checkSeconds". */
function recordOrigin(origins: Map<string, string>, origin: string, values: object): void {
  for (const key of leavesOf(values)) origins.set(key, origin);
}

function leavesOf(values: object, prefix = ""): string[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value instanceof Object && !Array.isArray(value)
      ? leavesOf(value, `${prefix}${key}.`)
      : [`${prefix}${key}`],
  );
}

function merged(config: Config, values: ConfigValues): Config {
  return {
    disk: values.disk ?? config.disk,
    bootloader: values.bootloader ?? config.bootloader,
    labels: { ...config.labels, ...present(values.labels) },
    insecureRegistries: values.insecureRegistries ?? config.insecureRegistries,
    minimumRate: values.minimumRate ?? config.minimumRate,
    tries: values.tries ?? config.tries,
    limit: values.limit ?? config.limit,
    jobs: values.jobs ?? config.jobs,
    health: {
      ...config.health,
      ...present(values.health),
      expect: { ...config.health.expect, ...present(values.health?.expect) },
    },
    watchdog: { ...config.watchdog, ...present(values.watchdog) },
  };
}

/** Drops keys whose value is undefined: they would overwrite the values that they are merged into. */
function present<T extends object>(
  values: T | undefined,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept = Object.entries(values ?? {}).filter(([, value]) => value !== undefined);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type of Object.fromEntries() loses the keys.
  return Object.fromEntries(kept) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
