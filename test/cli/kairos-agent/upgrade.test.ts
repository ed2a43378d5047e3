import { expect, test } from "bun:test";
import {
  argumentsForOriginal,
  noSourceText,
  readUpgrade,
  type AgentFacts,
} from "../../../src/cli/kairos-agent/upgrade.ts";

const GOOD: AgentFacts = { bootState: "active_boot", userId: 0 };
const words = (line: string): string[] => line.split(" ").filter((word) => word !== "");
const read = (line: string, facts = GOOD) => readUpgrade(words(line), facts);

const DEFAULTS = {
  source: undefined,
  entry: undefined,
  excludedPaths: [],
  allowInsecureRegistries: false,
};
const POSITIONAL = [
  "Warning: Passing a version as a positional argument is deprecated. Use --source flag instead.",
  "The value will be used as a value for the --source flag",
];
const IMAGE = ["--image flag is deprecated, please use --source"];

test.each([
  ["", {}, []],
  ["--source oci:a/b:1", { source: "oci:a/b:1" }, []],
  ["--source=oci://a/b:1", { source: "oci://a/b:1" }, []],
  ["--source dir:/", { source: "dir:/" }, []],
  ["--source file:/x.img", { source: "file:/x.img" }, []],
  ["--source ocifile:/x.tar", { source: "ocifile:/x.tar" }, []],
  ["--source=", {}, []],
  // The original checks --source alone.
  ["a/b:1", { source: "a/b:1" }, POSITIONAL],
  ["docker:a/b", { source: "docker:a/b" }, POSITIONAL],
  ["--source oci:a x", { source: "oci:a" }, POSITIONAL],
  ["--image a/b:1", { source: "oci:a/b:1" }, IMAGE],
  ["--image a --source oci:b c", { source: "oci:a" }, [...POSITIONAL, ...IMAGE]],
  ["x y", {}, []],
  ["x --recovery", {}, []],
  ["--recovery", { entry: "recovery" }, []],
  ["--recovery=false --boot-entry work", { entry: "work" }, []],
  ["--recovery --boot-entry=", { entry: "recovery" }, []],
  [
    "--exclude-path /etc/hosts --exclude-path /a,/b",
    { excludedPaths: ["/etc/hosts", "/a", "/b"] },
    [],
  ],
  ["--allow-insecure-registries", { allowInsecureRegistries: true }, []],
  ["--debug --source oci:a", { source: "oci:a" }, []],
  ["--source oci:a --debug --strict-validation", { source: "oci:a" }, []],
] as const)("upgrade %s", (line, request, notices) => {
  expect(read(line)).toEqual({
    kind: "request",
    request: {
      ...DEFAULTS,
      ...request,
      excludedPaths: [...("excludedPaths" in request ? request.excludedPaths : [])],
    },
    debug: line.includes("--debug"),
    notices: [...notices],
  });
});

const SCHEME = (source: string): string =>
  `source ${source} does not match any of oci:, dir:, file: or ocifile: `;
const LIVE = "cannot upgrade from live media/unknown boot state";
const ROOT = "this command requires root privileges";
const BOTH = "only one of '--recovery' and '--boot-entry' can be set";

test.each([
  ["--source docker:a/b", GOOD, SCHEME("docker:a/b"), []],
  ["--source a/b:1", GOOD, SCHEME("a/b:1"), []],
  ["--source OCI:a", GOOD, SCHEME("OCI:a"), []],
  ["--source xoci:a", GOOD, SCHEME("xoci:a"), []],
  ["--source oci:a", { ...GOOD, bootState: "livecd_boot" }, LIVE, []],
  ["--source oci:a", { ...GOOD, bootState: "unknown" }, LIVE, []],
  ["--source oci:a", { ...GOOD, userId: 1000 }, ROOT, []],
  ["--recovery --boot-entry work", GOOD, BOTH, []],
  ["--recovery --boot-entry work --image a b", GOOD, BOTH, [...POSITIONAL, ...IMAGE]],
  // The order of the checks.
  ["--source a", { bootState: "unknown", userId: 1 }, SCHEME("a"), []],
  ["--source oci:a", { bootState: "unknown", userId: 1 }, LIVE, []],
  ["--recovery --boot-entry work", { ...GOOD, userId: 1 }, ROOT, []],
  ["list-releases", { ...GOOD, userId: 1 }, ROOT, []],
] as const)("upgrade %s with %j is refused", (line, facts, ...[reason, notices]) => {
  expect(read(line, facts)).toEqual({ kind: "refused", reason, notices: [...notices] });
});

test.each(["passive_boot", "recovery_boot", "autoreset_boot"] as const)(
  "an upgrade from %s is accepted",
  (bootState) => {
    expect(read("--source oci:a", { ...GOOD, bootState }).kind).toBe("request");
  },
);

test.each([
  ["--bogus", { kind: "misused", reason: "flag provided but not defined: -bogus" }],
  ["--source", { kind: "misused", reason: "flag needs an argument: -source" }],
  ["--help", { kind: "help" }],
  ["-h --source x", { kind: "help" }],
  ["help", { kind: "help" }],
  ["list-releases --all", { kind: "list-releases", words: ["--all"] }],
] as const)("upgrade %s", (line, expected) => {
  expect(read(line)).toEqual(expected);
});

test("a missing source is named as the original does", () => {
  expect(noSourceText({ entry: undefined })).toBe(
    "sanitizing the upgrade spec: could not find a proper source for the upgrade.\nThis can be configured in the cloud config files under the 'upgrade.system.uri' key or via cmdline using the '--source' flag",
  );
  expect(noSourceText({ entry: "recovery" })).toContain("'upgrade.recovery-system.uri'");
});

test.each([
  ["", "--source oci:a", "upgrade --source oci:a"],
  ["--debug", "--source oci:a", "--debug upgrade --source oci:a"],
  ["", "--source oci:a --debug", "--debug upgrade --source oci:a"],
  [
    "",
    "--debug=false --recovery --strict-validation x",
    "--debug=false --strict-validation upgrade --recovery x",
  ],
  ["", "--recovery -- --debug", "upgrade --recovery -- --debug"],
  ["", "x --debug", "upgrade x --debug"],
  ["", "--new-flag --debug", "upgrade --new-flag --debug"],
])("for the original, %j and upgrade %j become %j", (globals, line, expected) => {
  expect(argumentsForOriginal(words(globals), words(line)).join(" ")).toBe(expected);
});
