import { expect, test } from "bun:test";

import { compressionOf, isLayer } from "../../src/layer/media-type.ts";

const OCI = "application/vnd.oci.image.layer";
const DOCKER = "application/vnd.docker.image.rootfs";

test.each([
  [`${OCI}.v1.tar`, "none"],
  [`${OCI}.v1.tar+gzip`, "gzip"],
  [`${OCI}.v1.tar+zstd`, "zstd"],
  [`${OCI}.nondistributable.v1.tar+gzip`, "gzip"],
  [`${DOCKER}.diff.tar`, "none"],
  [`${DOCKER}.diff.tar.gzip`, "gzip"],
  [`${DOCKER}.diff.tar.zstd`, "zstd"],
  [`${DOCKER}.foreign.diff.tar.gzip`, "gzip"],
] as const)("compressionOf(%s) is %s", (mediaType, compression) => {
  expect(compressionOf(mediaType)).toBe(compression);
  expect(isLayer(mediaType)).toBe(true);
});

test.each([
  [`${OCI}.v1.tar+encrypted`, "is encrypted"],
  [`${OCI}.v1.tar+gzip+encrypted`, "is encrypted"],
  [`${OCI}.v1.tar+xz`, "not one of a layer"],
  [`${OCI}.v1.tar+gzip; charset=x`, "not one of a layer"],
  ["application/octet-stream", "not one of a layer"],
  ["", "not one of a layer"],
])("compressionOf(%s) is refused: %s", (mediaType, reason) => {
  expect(() => compressionOf(mediaType)).toThrow(reason);
  expect(isLayer(mediaType)).toBe(false);
});
