import * as v from "valibot";
import { LOADER_CHOICES } from "../boot/loaders.ts";
import { TRIES_MAX } from "../control/record.ts";
import { parseBytes } from "../lib/units.ts";

/** A value that a configuration may not have. */
export class ConfigFault extends Error {
  /** Without the place of the value. */
  readonly reason: string;
  readonly hint: string | undefined;

  constructor(place: readonly string[], reason: string, hint?: string) {
    super([...(place.length === 0 ? [] : [place.join(".")]), reason].join(": "));
    this.reason = reason;
    this.hint = hint;
  }
}

/** More threads than this only wait for one another. */
export const JOBS_MAX = 64;
const SECONDS_MAX = 24 * 60 * 60;

const wholeNumber = (min: number, max: number) => {
  const message = `want a whole number from ${min} to ${max}`;
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(min, message),
    v.maxValue(max, message),
  );
};
const label = v.pipe(
  v.string(),
  v.nonEmpty(),
  v.maxLength(36, "a partition label has at most 36 characters"),
);
const seconds = v.pipe(v.number(), v.minValue(1), v.maxValue(SECONDS_MAX));
const absolute = v.pipe(v.string(), v.startsWith("/", "must be an absolute path"));

/** The longest timeout of a watchdog: iTCO has ten minutes at most, softdog 18 hours. */
const WATCHDOG_SECONDS_MAX = 65_535;
const PORT_MAX = 65_535;

const bytes = v.pipe(
  v.union([v.number(), v.string()]),
  v.transform((value) => parseBytes(`${value}`)),
  v.number("must be a size such as 100MiB"),
);
const address = v.pipe(
  v.string(),
  v.check((text) => {
    const port = /^(?:\[[0-9a-fA-F:.%]+\]|[^:\s/]+):(\d{1,5})$/.exec(text)?.[1];
    return port !== undefined && Number(port) > 0 && Number(port) <= PORT_MAX;
  }, "must be host:port"),
);
const webAddress = v.pipe(
  v.string(),
  v.regex(/^https?:\/\//, "must begin with http:// or https://"),
  v.url("must be a URL"),
);

const configSchema = v.strictObject({
  disk: v.optional(absolute),
  bootloader: v.optional(v.picklist(LOADER_CHOICES)),
  labels: v.optional(
    v.strictObject({
      control: v.optional(label),
      a: v.optional(label),
      b: v.optional(label),
      recovery: v.optional(label),
      esp: v.optional(label),
    }),
  ),
  insecureRegistries: v.optional(
    v.array(v.pipe(v.string(), v.regex(/^\S+$/, "must be a host, or host:port"))),
  ),
  minimumRate: v.optional(bytes),
  tries: v.optional(wholeNumber(1, TRIES_MAX)),
  limit: v.optional(wholeNumber(0, TRIES_MAX)),
  jobs: v.optional(wholeNumber(1, JOBS_MAX)),
  health: v.optional(
    v.strictObject({
      required: v.optional(v.array(absolute)),
      wanted: v.optional(v.array(absolute)),
      green: v.optional(v.array(absolute)),
      red: v.optional(v.array(absolute)),
      checkSeconds: v.optional(seconds),
      deadlineSeconds: v.optional(seconds),
      overdueSeconds: v.optional(seconds),
      expect: v.optional(
        v.strictObject({
          mounted: v.optional(v.array(absolute)),
          noFailedUnits: v.optional(v.boolean()),
          freeSpace: v.optional(v.record(absolute, bytes)),
          urls: v.optional(v.array(webAddress)),
          tcp: v.optional(v.array(address)),
          processes: v.optional(v.array(v.pipe(v.string(), v.nonEmpty()))),
        }),
      ),
    }),
  ),
  watchdog: v.optional(
    v.strictObject({
      device: v.optional(v.pipe(v.string(), v.regex(/^\/dev\/[^/]+$/, "must be below /dev"))),
      seconds: v.optional(wholeNumber(0, WATCHDOG_SECONDS_MAX)),
    }),
  ),
});

/** The values that one file or one variable sets: any part of the configuration. */
export type ConfigValues = v.InferOutput<typeof configSchema>;

/** Throws a ConfigFault. */
export function checkConfig(value: unknown): ConfigValues {
  const result = v.safeParse(configSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const names = v.getDotPath(issue)?.split(".") ?? [];
  if (issue.type !== "strict_object" || issue.expected !== "never")
    throw new ConfigFault(names.length === 0 ? ["the whole of it"] : names, issue.message);
  const section = names.slice(0, -1);
  if (Array.isArray(issue.path?.at(-1)?.input))
    throw new ConfigFault(section, "it is a list, want keys with values");
  const where = section.length === 0 ? "" : ` of ${section.join(".")}`;
  const hint = `The keys${where} are ${keysOf(configSchema, section).join(", ")}.`;
  throw new ConfigFault(section, `there is no key "${names.at(-1)}"`, hint);
}

/** The keys that the schema has in a section. */
function keysOf(schema: object, section: readonly string[]): string[] {
  if ("wrapped" in schema && schema.wrapped instanceof Object)
    return keysOf(schema.wrapped, section);
  if (!("entries" in schema) || !(schema.entries instanceof Object)) return [];
  const [name, ...below] = section;
  if (name === undefined) return Object.keys(schema.entries);
  const inner: unknown = new Map<string, unknown>(Object.entries(schema.entries)).get(name);
  return inner instanceof Object ? keysOf(inner, below) : [];
}
