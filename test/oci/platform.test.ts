import { expect, test } from "bun:test";

import type { IndexEntry } from "../../src/oci/manifest.ts";
import { choosePlatform, parsePlatform, printPlatform, runsOn } from "../../src/oci/platform.ts";
import { TYPES } from "../fakes/image.ts";

/** "amd64/v3" → the entry of an index for it. */
const entry = (text: string, more: object = {}): IndexEntry => {
  const [architecture = "", variant] = text.split("/");
  return {
    mediaType: TYPES.manifest,
    platform: { os: "linux", architecture, variant },
    text,
    ...more,
  };
};
const MIXED = [
  entry("unknown", { platform: { os: "unknown", architecture: "unknown" } }),
  entry("amd64", { annotations: { "vnd.docker.reference.type": "attestation-manifest" } }),
  entry("amd64", { mediaType: "application/x-unknown" }),
  entry("amd64", { artifactType: "application/x-sbom" }),
  entry("amd64", { platform: { os: "windows", architecture: "amd64" } }),
  entry("arm64/v8", { wanted: "arm64" }),
  entry("amd64", { wanted: "amd64" }),
  entry("amd64"),
];

test.each(["amd64", "arm64"])("finds %p among other entries", (architecture) => {
  expect(choosePlatform(MIXED, parsePlatform(architecture), "it")).toMatchObject({
    wanted: architecture,
  });
});

test.each([
  ["amd64", ["amd64/v3", "amd64"], "amd64"],
  ["amd64", ["x86_64"], "x86_64"],
  ["amd64", ["amd64/v1"], "amd64/v1"],
  ["amd64/v3", ["amd64", "amd64/v2", "amd64/v4"], "amd64/v2"],
  ["arm64", ["aarch64"], "aarch64"],
  ["arm/v7", ["arm/v5", "arm/v6"], "arm/v6"],
  ["arm", ["arm/v6", "armhf"], "armhf"],
  ["riscv64", ["riscv64"], "riscv64"],
])("for %p chooses from %p the entry for %p", (wanted, there, want) => {
  const entries = there.map((text) => entry(text));
  expect(choosePlatform(entries, parsePlatform(wanted), "it")).toMatchObject({ text: want });
});

test.each([
  ["amd64", ["386"], "there is linux/386"],
  ["amd64", ["amd64/v3"], "want linux/amd64, there is linux/amd64/v3"],
  ["arm64", ["arm/v7"], "there is linux/arm/v7"],
  ["arm64", ["arm64/v9"], "there is linux/arm64/v9"],
  ["riscv64", ["amd64", "arm64/v8"], "there is linux/amd64, linux/arm64/v8"],
  ["amd64", [], "there is none"],
])("for %p chooses none of %p", (wanted, there, why) => {
  const entries = there.map((text) => entry(text));
  expect(() => choosePlatform(entries, parsePlatform(wanted), "it")).toThrow(why);
});

test("chooses an entry without a platform only when it is the only entry", () => {
  const bare: IndexEntry = { mediaType: TYPES.manifest };
  const wanted = parsePlatform("amd64");
  expect(choosePlatform([bare], wanted, "it")).toBe(bare);
  expect(() => choosePlatform([bare, bare], wanted, "it")).toThrow("one without a platform");
});

test.each(["", "AMD64", "amd64/3", "linux/amd64", "amd64/v3/x"])(
  "refuses the platform %p",
  (text) => {
    expect(() => parsePlatform(text)).toThrow("want a name like");
  },
);

test("prints the normalised form", () => {
  expect(printPlatform(parsePlatform("x86_64/v1"))).toBe("linux/amd64");
  expect(printPlatform(parsePlatform("armel"))).toBe("linux/arm/v6");
});

test("other operating systems never match", () => {
  const wanted = parsePlatform("amd64");
  expect(runsOn(wanted, { os: "linux", architecture: "amd64" })).toBe(true);
  expect(runsOn(wanted, { os: "windows", architecture: "amd64" })).toBe(false);
});
