import { expect, test } from "bun:test";
import { type Config, loadConfig, loadImageConfig } from "../../src/cli/config.ts";
import { splitGlobals } from "../../src/cli/globals.ts";
import type { System } from "../../src/system/system.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";

interface Given {
  readonly files?: Readonly<Record<string, string>>;
  readonly environment?: System["environment"];
  readonly args?: readonly string[];
}

function load({ files = {}, environment = {}, args = [] }: Given): ReturnType<typeof loadConfig> {
  const system = { ...memorySystem(), files: memoryFiles(files), environment };
  return loadConfig(system, splitGlobals(args).globals);
}

const USR = "/usr/lib/tandem/config.yaml";
const ETC = "/etc/tandem/config.yaml";
const DROP_IN = "/etc/tandem/config.d";

test("without files and variables loadConfig() gives the defaults, which have no origin", () => {
  const { config, origins } = load({});
  expect(config).toMatchObject({
    disk: undefined,
    jobs: undefined,
    tries: 3,
    insecureRegistries: [],
    minimumRate: 512,
    labels: {
      control: "tandem-control",
      a: "tandem-a",
      b: "tandem-b",
      recovery: "tandem-recovery",
    },
    health: { checkSeconds: 60, deadlineSeconds: 300 },
  });
  expect(origins.size).toBe(0);
});

const inImage = (files: Readonly<Record<string, string>>): Config | undefined =>
  loadImageConfig({ ...memorySystem(), files: memoryFiles(files) }, "/image");

test.each<[string, Readonly<Record<string, string>>, number | undefined]>([
  ["none of its own", { [ETC]: "tries: 5" }, undefined],
  ["an empty one", { [`/image${ETC}`]: "" }, 3],
  ["one", { [`/image${ETC}`]: "tries: 4", [ETC]: "tries: 5" }, 4],
  ["one of its maker", { [`/image${USR}`]: "tries: 4" }, 4],
  ["a drop-in", { [`/image${ETC}`]: "tries: 4", [`/image${DROP_IN}/1.yaml`]: "tries: 6" }, 6],
])("loadImageConfig() of an image with %s", (_, files, tries) => {
  expect(inImage(files)?.tries).toBe(tries);
});

test("loadImageConfig() names the invalid file", () => {
  expect(() => inImage({ [`/image${ETC}`]: "treis: 1" })).toThrow(
    `Cannot use configuration /image${ETC}: there is no key "treis"`,
  );
});

test.each([
  ["minimumRate: 0", 0],
  ["minimumRate: 4KiB", 4096],
])("loadConfig() of %p", (text, minimumRate) => {
  expect(load({ files: { [ETC]: text } }).config.minimumRate).toBe(minimumRate);
});

/** Each overrides the one before it. */
const RISING: readonly [string, Given][] = [
  [USR, { files: { [USR]: "disk: /1" } }],
  [ETC, { files: { [ETC]: "disk: /2" } }],
  [`${DROP_IN}/10.yaml`, { files: { [`${DROP_IN}/10.yaml`]: "disk: /3" } }],
  [`${DROP_IN}/9.yaml`, { files: { [`${DROP_IN}/9.yaml`]: "disk: /4" } }],
  ["/mine.yaml", { files: { "/mine.yaml": "disk: /5" }, args: ["--config=/mine.yaml"] }],
  ["TANDEM_DISK", { environment: { TANDEM_DISK: "/6" } }],
  ["--disk", { args: ["--disk", "/7"] }],
];

test.each(RISING.map(([origin], index) => [origin, index] as const))(
  "in loadConfig() %s overrides the sources before it",
  (origin, last) => {
    const given = RISING.slice(0, last + 1).map(([, one]) => one);
    const { config, origins } = load({
      files: Object.assign({}, ...given.map(({ files }) => files)) as Record<string, string>,
      environment: Object.assign(
        {},
        ...given.map((one) => one.environment),
      ) as System["environment"],
      args: given.flatMap(({ args = [] }) => args),
    });
    expect(config.disk).toBe(`/${last + 1}`);
    expect(origins.get("disk")).toBe(origin);
  },
);

test("loadConfig() merges sections key by key, and replaces lists", () => {
  const { config, origins } = load({
    files: {
      [USR]: "labels: {a: one, b: two, esp: boot}\nhealth: {required: [/x, /y], checkSeconds: 5}\n",
      [ETC]: "labels: {b: three}\nhealth: {required: [/z]}\n",
    },
  });
  expect(config.labels).toEqual({
    control: "tandem-control",
    a: "one",
    b: "three",
    recovery: "tandem-recovery",
    esp: "boot",
  });
  expect(config.health).toMatchObject({ required: ["/z"], checkSeconds: 5, deadlineSeconds: 300 });
  expect([...origins]).toEqual([
    ["labels.a", USR],
    ["labels.b", ETC],
    ["labels.esp", USR],
    ["health.required", ETC],
    ["health.checkSeconds", USR],
  ]);
});

test("loadConfig() merges health.expect key by key, and reads sizes", () => {
  const { config, origins } = load({
    files: {
      [USR]: "health: {expect: {mounted: [/data], freeSpace: {/data: 10MiB, /var: 512}}}\n",
      [ETC]:
        "health: {expect: {tcp: ['[::1]:22'], freeSpace: {/data: 1K}}}\nwatchdog: {seconds: 0}\n",
    },
  });
  expect(config.health.expect).toEqual({
    mounted: ["/data"],
    noFailedUnits: false,
    freeSpace: { "/data": 1024 },
    urls: [],
    tcp: ["[::1]:22"],
    processes: [],
  });
  expect(config.watchdog).toEqual({ device: "/dev/watchdog0", seconds: 0 });
  expect(origins.get("health.expect.mounted")).toBe(USR);
  expect(origins.get("health.expect.freeSpace./data")).toBe(ETC);
});

test("loadConfig() reads only *.yaml in the folder, and accepts empty files", () => {
  const files = { [`${DROP_IN}/1.yaml.bak`]: "junk: 1", [`${DROP_IN}/2.yaml`]: "" };
  expect(load({ files })).toEqual(load({}));
});

test.each<[string, string, Partial<Config>]>([
  ["TANDEM_TRIES", "9", { tries: 9 }],
  ["TANDEM_LIMIT", "0", { limit: 0 }],
  ["TANDEM_JOBS", "2", { jobs: 2 }],
  ["TANDEM_INSECURE_REGISTRIES", "a:5000,b", { insecureRegistries: ["a:5000", "b"] }],
  ["TANDEM_TRIES", "", { tries: 3 }],
])("loadConfig() reads %s=%s", (name, value, want) => {
  expect(load({ environment: { [name]: value } }).config).toMatchObject(want);
});

test.each([
  ["junk: 1", 'there is no key "junk"'],
  ["health: {checkseconds: 1}", 'health: there is no key "checkseconds"'],
  ["tries: 0", "tries: want a whole number from 1 to 10"],
  ["tries: 99", "tries: want a whole number from 1 to 10"],
  ["tries: 1.5", "tries: want a whole number from 1 to 10"],
  ["tries: '3'", "tries: want a whole number from 1 to 10"],
  ["limit: -1", "limit: want a whole number from 0 to 10"],
  ["limit: 11", "limit"],
  ["jobs: 65", "jobs: want a whole number from 1 to 64"],
  ["disk: sda", "disk: must be an absolute path"],
  ["labels: {a: ''}", "labels.a"],
  ["labels: {esp: ''}", "labels.esp"],
  [`labels: {esp: ${"x".repeat(37)}}`, "labels.esp: a partition label has at most 36"],
  [`labels: {a: ${"x".repeat(37)}}`, "labels.a: a partition label has at most 36"],
  ["health: {required: [checks]}", "health.required.0"],
  ["health: {deadlineSeconds: 0}", "health.deadlineSeconds"],
  ["health: {expect: {mount: [/data]}}", 'health.expect: there is no key "mount"'],
  ["health: {expect: {mounted: [data]}}", "health.expect.mounted.0"],
  ["minimumRate: slow", "minimumRate: must be a size"],
  ["minimumRate: -1", "minimumRate: must be a size"],
  ["health: {expect: {freeSpace: {/data: much}}}", "health.expect.freeSpace./data: must be a size"],
  ["health: {expect: {tcp: [localhost]}}", "health.expect.tcp.0: must be host:port"],
  ["health: {expect: {tcp: ['localhost:65536']}}", "health.expect.tcp.0: must be host:port"],
  ["health: {expect: {urls: ['ftp://x']}}", "health.expect.urls.0: must begin with http"],
  ["health: {expect: {processes: ['']}}", "health.expect.processes.0"],
  ["watchdog: {seconds: 65536}", "watchdog.seconds: want a whole number from 0 to 65535"],
  ["watchdog: {device: watchdog0}", "watchdog.device: must be below /dev"],
  ["[1, 2]", "it is a list, want keys with values"],
  ["labels: [x]", "labels: it is a list, want keys with values"],
  ["just text", "the whole of it: "],
  ["tries: [", ""],
])("loadConfig() refuses a file with %p", (text, why) => {
  const wrong = (): unknown => load({ files: { [ETC]: text } });
  expect(wrong).toThrow(`Cannot use configuration ${ETC}: ${why}`);
  expect(wrong).toThrow(expect.objectContaining({ code: "usage" }));
});

test.each([
  ["treis: 1", "The keys are disk, bootloader, labels, "],
  ["labels: {c: x}", "The keys of labels are control, a, b, recovery, esp."],
  ["health: {expect: {mount: [/data]}}", "The keys of health.expect are mounted, noFailedUnits, "],
])("the hint for %p names the known keys", (text, hint) => {
  expect(() => load({ files: { [ETC]: text } })).toThrow(
    expect.objectContaining({ hint: expect.stringContaining(hint) }),
  );
});

test.each([
  ["TANDEM_TRIES", "many", "want a whole number from 1 to 10"],
  ["TANDEM_TRIES", "99", "want a whole number from 1 to 10"],
  ["TANDEM_LIMIT", "11", "want a whole number from 0 to 10"],
  ["TANDEM_JOBS", "-1", "want a whole number from 1 to 64"],
  ["TANDEM_DISK", "sda", "must be an absolute path"],
])("loadConfig() refuses %s=%s", (name, value, why) => {
  expect(() => load({ environment: { [name]: value } })).toThrow(
    expect.objectContaining({ code: "usage", message: `Cannot use ${name}="${value}": ${why}` }),
  );
});

test("loadConfig() requires only the file that --config names", () => {
  expect(() => load({ args: ["--config", "/none.yaml"] })).toThrow(
    "Cannot use configuration /none.yaml: there is no such file",
  );
});
