import { expect, test } from "bun:test";
import {
  readArtifact,
  releasesAmong,
  repositoryOf,
  tagOf,
} from "../../../src/cli/kairos-agent/releases.ts";
import { memoryFiles } from "../../fakes/files.ts";

const CORE = [
  'KAIROS_FLAVOR="opensuse"',
  'KAIROS_FLAVOR_RELEASE="leap-15.6"',
  'KAIROS_VARIANT="core"',
  'KAIROS_TARGETARCH="amd64"',
  'KAIROS_MODEL="generic"',
  'KAIROS_RELEASE="v3.2.0"',
].join("\n");
const K3S = `${CORE.replace('"core"', '"standard"')}\nKAIROS_SOFTWARE_VERSION="v1.30.1+k3s1"\nKAIROS_SOFTWARE_VERSION_PREFIX="k3s"\n`;
const artifact = (text: string) => readArtifact(memoryFiles({ "/etc/kairos-release": text }));
const NOW = { all: false, pre: false };

test("the name of the running image", () => {
  expect(repositoryOf(artifact(CORE), "quay.io/kairos")).toBe("quay.io/kairos/opensuse");
  expect(tagOf(artifact(CORE))).toBe("leap-15.6-core-amd64-generic-v3.2.0");
  expect(tagOf(artifact(K3S))).toBe("leap-15.6-standard-amd64-generic-v3.2.0-k3sv1.30.1-k3s1");
});

test("names without a prefix and os-release serve, too", () => {
  const files = memoryFiles({
    "/etc/kairos-release": CORE.replaceAll("KAIROS_FLAVOR=", "FLAVOR=").replace(
      /^.*MODEL.*\n/m,
      "",
    ),
    "/etc/os-release": "KAIROS_MODEL=rpi4\n",
  });
  expect(tagOf(readArtifact(files))).toBe("leap-15.6-core-amd64-rpi4-v3.2.0");
});

test("readArtifact() tells what is missing", () => {
  expect(() => readArtifact(memoryFiles({}))).toThrow(
    "open /etc/kairos-release: no such file or directory",
  );
  expect(() => artifact("KAIROS_FLAVOR=x")).toThrow("KAIROS_FLAVOR_RELEASE key not found");
});

const TAGS = [
  "leap-15.6-core-amd64-generic-v3.1.0",
  "leap-15.6-core-amd64-generic-v3.2.0",
  "leap-15.6-core-amd64-generic-v3.2.1",
  "leap-15.6-core-amd64-generic-v3.10.0",
  "leap-15.6-core-amd64-generic-v3.3.0-rc1",
  "leap-15.6-core-amd64-generic-v3.3.0-img",
  "leap-15.6-core-amd64-generic-v3.3.0-uki",
  "leap-15.6-core-arm64-generic-v3.3.0",
  "leap-15.6-standard-amd64-generic-v3.3.0",
  "leap-15.6-core-amd64-generic-master",
  "latest",
];
const at = (...versions: string[]): string[] =>
  versions.map((version) => `leap-15.6-core-amd64-generic-${version}`);

test.each([
  [NOW, at("v3.10.0", "v3.2.1")],
  [{ all: false, pre: true }, at("v3.10.0", "v3.3.0-rc1", "v3.2.1")],
  [{ all: true, pre: false }, at("v3.10.0", "v3.2.1", "v3.1.0")],
])("releasesAmong() with %j", (options, expected) => {
  expect(releasesAmong(TAGS, artifact(CORE), options)).toEqual(expected);
});

const of = (version: string): string => `leap-15.6-standard-amd64-generic-${version}`;

test("releasesAmong() of an image with software compares both versions", () => {
  const tags = [
    "v3.2.0-k3sv1.30.1-k3s1",
    "v3.2.0-k3sv1.31.0-k3s2",
    "v3.2.0-k3sv1.29.0-k3s1",
    "v3.3.0-k3sv1.29.0-k3s1",
    "v3.3.0-k3sv1.31.0-k3s1",
    "v3.3.0",
    "v3.3.0-k3s",
  ].map((version) => of(version));
  expect(releasesAmong(tags, artifact(K3S), NOW)).toEqual(
    ["v3.3.0-k3sv1.31.0-k3s1", "v3.3.0-k3sv1.29.0-k3s1", "v3.2.0-k3sv1.31.0-k3s2"].map((version) =>
      of(version),
    ),
  );
  expect(releasesAmong(tags, artifact(K3S), { all: true, pre: false })).toContain(
    of("v3.2.0-k3sv1.29.0-k3s1"),
  );
});
