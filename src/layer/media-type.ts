import { Fault } from "../tar/fault.ts";

export type Compression = "none" | "gzip" | "zstd";

/** The media types of layers: image-spec "media-types.md", and Docker's "manifest-v2-2.md". */
const OCI =
  /^application\/vnd\.oci\.image\.layer(?:\.nondistributable)?\.v1\.tar(?:\+(gzip|zstd))?$/;
const DOCKER =
  /^application\/vnd\.docker\.image\.rootfs(?:\.foreign)?\.diff\.tar(?:\.(gzip|zstd))?$/;

export function isLayer(mediaType: string): boolean {
  return OCI.test(mediaType) || DOCKER.test(mediaType);
}

/**
 * Returns the compression that a layer's media type declares. Throws a Fault when it is no layer or an encrypted one.
 */
export function compressionOf(mediaType: string): Compression {
  const match = OCI.exec(mediaType) ?? DOCKER.exec(mediaType);
  if (match !== null) return match[1] === "gzip" || match[1] === "zstd" ? match[1] : "none";
  if (mediaType.includes("+encrypted")) throw new Fault(`is encrypted (${mediaType})`);
  throw new Fault(`media type "${mediaType}" is not one of a layer`);
}
