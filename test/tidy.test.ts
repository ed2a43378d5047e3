/** Properties of the source itself: who may import whom, what only one folder may touch, how long is too long. */
import { Glob } from "bun";
import { expect, test } from "bun:test";
import { readConfigureGlobal } from "fast-check";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { SEED } from "./faults/random.ts";

/** The rooms from the ground up: a file imports from its own room and from those above it in this list, so there are no circles. */
const FLOW = [
  "lib",
  "system",
  "tar",
  "disk",
  "fat",
  "layer",
  "ext4",
  "oci",
  "source",
  "slot",
  "write",
  "control",
  "boot",
  "health",
  "hooks",
  "machine",
  "verdict",
  "kairos",
  "upgrade",
  "doctor",
  "report",
  "cli",
  "main.ts",
];
/** A room with more of all lines has more than one job. */
const SHARE_MAX = 1 / 6;
/** What only one folder may import. */
const OWNER: Readonly<Record<string, string>> = {
  "node:fs": "system",
  "node:fs/promises": "system",
  "node:child_process": "system",
  "node:os": "system",
  "node:process": "system",
  bun: "system",
  "bun:ffi": "system",
  citty: "cli",
  "consola/core": "cli",
  nanotar: "report",
  ofetch: "oci",
};
/** They import node:stream or load slowly. Imported early, they make each verb start 1.5 times slower. */
const LATE = ["net", "zlib", "http", "https", "stream", "tty"].map((name) => `node:${name}`);
const SLOW = new Set([...LATE, "consola", "consola/basic"]);
/**
 * The time of day may be set at any moment, so it becomes a text at once, to be printed or remembered. These alone may ask for it
 * otherwise: they give it to the others, compare it with the server's, and say that it is wrong.
 */
const TELLS_TIME = ["src/system/linux.ts", "src/oci/failure.ts", "src/doctor/surroundings.ts"];
const LINES_MAX = 300;
/** Of README and the other documents, which are read in terminals, too. */
const COLUMNS_MAX = 120;

interface Source {
  readonly path: string;
  readonly text: string;
}

const sourcesBelow = (top: string): Promise<Source[]> =>
  Promise.all(
    [...new Glob(`${top}/**/*.ts`).scanSync(".")].map(async (path) => ({
      path,
      text: await Bun.file(path).text(),
    })),
  );
const [files, tests] = [await sourcesBelow("src"), await sourcesBelow("test")];
const folder = (path: string): string => path.split("/")[1] ?? "";
const imports = files.flatMap(({ path, text }) =>
  [...text.matchAll(/^(?:import|export|\}).*? from "([^"]+)"|^import "([^"]+)"/gm)].map((m) => ({
    path,
    to: m[1] ?? m[2] ?? "",
  })),
);

test("what is slow to load is loaded only where it is used", () => {
  const early = imports.filter(({ to }) => SLOW.has(to));
  expect(early).toEqual([]);
});

/** The rooms that this one may import from; none for a room without a place in the order. */
const roomsBelow = (room: string): readonly string[] =>
  FLOW.slice(0, Math.max(FLOW.indexOf(room), 0));

test("imports follow the data flow", () => {
  const wrong = imports
    .filter(({ to }) => to.startsWith("."))
    .map(({ path, to }) => ({ path, to: join(dirname(path), to) }))
    .filter(
      ({ path, to }) =>
        folder(to) !== folder(path) && !roomsBelow(folder(path)).includes(folder(to)),
    );
  expect(wrong).toEqual([]);
});

test("the partition table is read in slot alone", () => {
  const table = /\/disk\/(?:gpt|gpt-repair|mbr)\.ts$/;
  const readers = imports
    .filter(({ path, to }) => table.test(to) && !["slot", "disk"].includes(folder(path)))
    .map(({ path }) => path);
  const broken = "a report has to work on a disk on which no layout can be opened";
  expectOnly([...new Set(readers)].toSorted(), {
    "src/report/esp.ts": broken,
    "src/report/partition-table.ts": broken,
  });
  expect(
    uses(
      files.filter(({ path }) => folder(path) !== "slot"),
      /\bpartuuid\b|PARTUUID=/g,
    ),
  ).toEqual([]);
});

const linesIn = (of: readonly Source[]): number =>
  of.reduce((sum, { text }) => sum + text.split("\n").length, 0);

test("every room has its place in the order, and none holds a sixth of the source", () => {
  const lines = Map.groupBy(files, ({ path }) => folder(path));
  expect([...lines.keys()].toSorted()).toEqual(FLOW.toSorted());
  const tooLarge = [...lines].filter(([, of]) => linesIn(of) > linesIn(files) * SHARE_MAX);
  expect(tooLarge.map(([room]) => room)).toEqual([]);
});

test("each package and the machine have one owner", () => {
  const wrong = imports.filter(({ path, to }) => {
    const owner = OWNER[to];
    return owner !== undefined && folder(path) !== owner && path !== "src/main.ts";
  });
  expect(wrong).toEqual([]);
});

test(`no file is longer than ${LINES_MAX} lines`, () => {
  expect(
    files.filter(({ text }) => text.split("\n").length > LINES_MAX).map(({ path }) => path),
  ).toEqual([]);
});

test(`no line of a document is longer than ${COLUMNS_MAX} columns`, async () => {
  const pages = ["*.md", "docs/**/*.md"].flatMap((where) => [...new Glob(where).scanSync(".")]);
  expect(pages.length).toBeGreaterThan(10);
  const long = await Promise.all(
    pages.map(async (path) => {
      const lines = (await Bun.file(path).text()).split("\n");
      return lines.flatMap((line, index) =>
        line.length > COLUMNS_MAX ? [`${path}:${index + 1}`] : [],
      );
    }),
  );
  expect(long.flat()).toEqual([]);
});

test("nothing is measured or decided by the time of day", () => {
  const asks = /(?<!performance)\.now\(\)(?!\.toISOString\(\))|\bnew Date\(\)|\bDate\(\)/;
  expect(
    files
      .filter(({ text }) => asks.test(text))
      .map(({ path }) => path)
      .toSorted(),
  ).toEqual(TELLS_TIME.toSorted());
});

/** Neither comments nor texts count as code; what a template holds does. */
const typescript = new Bun.Transpiler({ loader: "ts" });
const codeOf = (text: string): string =>
  typescript.transformSync(text).replaceAll(/"(?:\\.|[^"\\\n])*"/g, '""');

/** "path: what it uses", each once. */
function uses(of: readonly Source[], what: RegExp): string[] {
  const found = of.flatMap(({ path, text }) =>
    [...codeOf(text).matchAll(what)].map(([use]) => `${path}: ${use}`),
  );
  return [...new Set(found)].toSorted();
}

/** The reasons are for people. What is not used any more must not be listed. */
const expectOnly = (found: readonly string[], reasons: Readonly<Record<string, string>>): void =>
  expect(found).toEqual(Object.keys(reasons).toSorted());

test("no exported type name is declared a second time", () => {
  const declared = files.flatMap(({ path, text }) =>
    [...text.matchAll(/^(export )?(?:abstract )?(?:type|interface|class) (\w+)/gm)].map((m) => ({
      name: m[2] ?? "",
      isExported: m[1] !== undefined,
      path,
    })),
  );
  const twice = [...Map.groupBy(declared, ({ name }) => name).values()].filter(
    (of) => of.length > 1 && of.some(({ isExported }) => isExported),
  );
  expect(twice.map((of) => of.map(({ name, path }) => `${path}: ${name}`))).toEqual([]);
});

const MACHINE_ROOMS = ["system", "main.ts"];
const outside = (rooms: readonly string[]): Source[] =>
  files.filter(({ path }) => !rooms.includes(folder(path)));

test("only boot knows which boot loader a disk has: it brings what depends on that", () => {
  const asks = /\bloader\.name [=!]==|["'`](?:grub|systemd-boot)["'`]/g;
  const wrong = outside(["boot"]).flatMap(({ path, text }) =>
    [...text.matchAll(asks)].map(([use]) => `${path}: ${use}`),
  );
  expect(wrong).toEqual([]);
});

test("the process is touched by system, cli and main.ts alone", () => {
  expectOnly(
    uses(outside([...MACHINE_ROOMS, "cli"]), /\bprocess\??(?:\.\w+|\[)|= process\b(?![.?[])/g),
    {
      "src/layer/native-decoder.ts: process.getBuiltinModule":
        "loads zlib at once and late: an import would load it early, and import() would come later",
      "src/write/worker.ts: process.exit":
        "ends its own thread, which nothing else can end in time",
    },
  );
});

test("Bun touches the machine in system and main.ts alone; elsewhere it only computes", () => {
  const computes = "CryptoHasher|YAML|deepEquals|gzipSync|hash|stringWidth|stripANSI";
  expect(
    uses(outside(MACHINE_ROOMS), new RegExp(`\\bBun\\b(?!\\.(?:${computes})\\b)`, "g")),
  ).toEqual([]);
});

test("what is loaded late is loaded late on purpose", () => {
  expectOnly(uses(files, /\bimport\(|\brequire\b/g), {
    "src/cli/kairos-agent/list-releases.ts: import(":
      "services ask kairos-agent for the state all the time, and need no registry for it",
    "src/cli/kairos-agent/upgrade-verb.ts: import(": "the same, and they write no image",
    "src/cli/verbs/report.ts: import(": "no other verb collects and packs a report",
    "src/main.ts: import(":
      "--version need not wait for all verbs, nor kairos-agent for the verbs of tandem",
    "src/system/probe.ts: import(": "only a check of a TCP port needs node:net, which loads slowly",
  });
});

/** The tests that cover sources without one of their own. What only declares types needs none. */
const COVERED_BY: Readonly<Record<string, readonly string[]>> = {
  "kairos/config": ["slot/kairos/host-folder"],
  "oracle/pull-image": ["upgrade/pull-image"],
  "health/boot-mark": ["health/counted-mark"],
  "boot/kairos/kairos": [
    "boot/kairos/commit",
    "boot/kairos/grub-files",
    "boot/kairos/places",
    "boot/kairos/scripts",
  ],
  "boot/kairos/count": ["boot/kairos/plan"],
  "boot/kairos/examine": [
    "boot/kairos/read-only",
    "boot/kairos/saved-entry",
    "boot/kairos/start-problem",
  ],
  "boot/kairos/repair": [
    "boot/kairos/boot-summary",
    "boot/kairos/confirmed",
    "boot/kairos/origin",
    "boot/kairos/this-boot",
  ],
  "boot/systemd-boot/systemd-boot": [
    "boot/systemd-boot/boot-summary",
    "boot/systemd-boot/entry-folder",
    "boot/systemd-boot/entry-set",
    "boot/esp/esp",
    "boot/esp/raw-esp",
    "boot/systemd-boot/slot-files",
  ],
  "cli/kairos-agent/answer": ["cli/kairos-agent/agent-answer", "cli/kairos-agent/help"],
  "cli/kairos-agent/boot-entry": ["cli/kairos-agent/log"],
  "static/kairos-agent": ["cli/kairos-agent/kairos-agent"],
  "binary/command-line": ["cli/run"],
  "binary/verbs": [
    "cli/verbs",
    "cli/config-text",
    "cli/context",
    "cli/end-watch",
    "cli/verbs/config",
    "cli/verbs/doctor",
    "cli/verbs/health",
    "cli/verbs/hooks",
    "cli/verbs/mark",
    "cli/verbs/repair",
    "cli/verbs/report",
    "cli/verbs/rollback",
    "cli/verbs/status",
    "cli/verbs/upgrade",
    "cli/verbs/verify",
    "cli/verbs/version",
    "cli/verbs/watchdog",
    "cli/verbs/why",
    "cli/verbs/write",
    "cli/version-text",
  ],
  "control/control": ["control/block-memory", "control/copies"],
  "report/bundle": ["report/single"],
  "report/partition-table": ["report/disk-path"],
  "disk/run": ["disk/chunk"],
  "fat/fat": ["fat/data", "fat/folder", "fat/folder-entries"],
  "ext4/mount": ["ext4/bad-file-system", "ext4/block", "ext4/inode-places"],
  "layer/layer-entries": ["layer/entry-packer", "layer/packed-form"],
  "tar/tar": ["tar/extended-reader", "tar/member"],
  "layer/merge": ["layer/replay", "layer/walk"],
  "layer/unpack": ["layer/output-hash"],
  "oracle/hold": ["system/hold"],
  "slot/kairos/kairos": ["slot/kairos/control-places", "slot/kairos/stage"],
  "oracle/mounts": ["system/loop-device", "system/mounts"],
  "system/syscall": ["system/call"],
  "system/folder": ["system/file-status"],
  "source/oci-layout": ["source/archive", "source/blob-store"],
  "source/source": ["source/registry"],
  "machine/with-machine": ["machine/open-machine"],
  "slot/partitions": ["slot/labels", "slot/partitioned-disk"],
  "doctor/systemd-boot": ["boot/systemd-boot/examine", "boot/systemd-boot/loader-conf"],
  "doctor/doctor": [
    "boot/esp/esp-file",
    "boot/grub/config",
    "boot/grub/examine",
    "doctor/esp",
    "doctor/contents",
    "doctor/named",
    "doctor/record",
    "doctor/slots",
    "doctor/specs",
    "doctor/startable",
    "doctor/state",
    "slot/partition-table",
  ],
  "verdict/health": ["verdict/slot-check"],
  "upgrade/recovery": ["machine/forget-unfit"],
  "write/unpack-layers": ["write/unpacker"],
  "upgrade/plan": ["upgrade/step"],
  "upgrade/upgrade": [
    "upgrade/kairos-wishes",
    "upgrade/stage-steps",
    "upgrade/boot-steps",
    "upgrade/run",
    "upgrade/target",
    "upgrade/write-steps",
  ],
  "verdict/why": ["verdict/fall"],
  "write/worker-unpacker": ["write/hasher", "write/hashers", "write/worker"],
};

const testOf = (path: string): string => path.replace(/^src/, "test").replace(/\.ts$/, ".test.ts");

test("each source has its test, or is covered by one that is named", () => {
  const untested = files
    .filter(({ path, text }) => !existsSync(testOf(path)) && codeOf(text) !== "")
    .map(({ path }) => path);
  const covered = Object.entries(COVERED_BY).flatMap(([by, names]) => {
    expect({ by, isThere: existsSync(`test/${by}.test.ts`) }).toEqual({ by, isThere: true });
    return names.map((name) => `src/${name}.ts`);
  });
  expect(untested.toSorted()).toEqual(covered.toSorted());
});

test("no test goes by a clock, and none by chance that cannot be drawn again", () => {
  const clock = /\bset(?:Timeout|Interval)\b|\bBun\.sleep\w*|\bAtomics\.wait\w*/;
  const time = /\bperformance\.now\b|\bDate\.now\b|\bnew Date\(\)/;
  // randomUUID() makes names, on which nothing depends.
  const chance = /\bMath\.random\b|\bgetRandomValues\b|\brandom(?:Bytes|Int|Fill)\w*/;
  const banned = new RegExp([clock, time, chance].map(({ source }) => source).join("|"), "g");
  const limit = "the limit of what hangs: without it the test would say nothing";
  expectOnly(uses(tests, banned), {
    "test/e2e/machine.ts: setTimeout": limit,
    "test/e2e/power-cut.test.ts: Bun.sleep":
      "the machine goes on for a while, drawn by the seed, before its plug is pulled",
    "test/fakes/registry.ts: Bun.sleep":
      "nothing tells when the thread of the client has handed on what it has read",
    "test/fakes/until.ts: Bun.sleep": "looks again at what reports nothing by itself",
    "test/faults/random.ts: Date.now": "a new seed for each soak, which is printed",
    "test/faults/strace.ts: setTimeout": limit,
    "test/oci/patience.test.ts: performance.now": "is about the timers of the runtime itself",
    "test/oci/patience.test.ts: setInterval": "is about the timers of the runtime itself",
    "test/peers/registry.ts: setTimeout": limit,
  });
  expect(readConfigureGlobal().seed).toBe(SEED);
});
