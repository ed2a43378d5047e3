export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

/** The Accept header. Without the indexes some registries choose an image by themselves. */
export const ACCEPT_MANIFESTS = [OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST].join(", ");

const CONFIGS = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);

export type DocumentKind = "index" | "manifest";

/** The kind of a document of this type. Undefined for a type that is not known. */
export function documentKind(mediaType: string | undefined): DocumentKind | undefined {
  if (mediaType === OCI_INDEX || mediaType === DOCKER_INDEX) return "index";
  if (mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST) return "manifest";
  return undefined;
}

/** Docker's manifests before 2016. Their layers have another form. */
export function isSchema1(mediaType: string | undefined): boolean {
  return mediaType?.startsWith("application/vnd.docker.distribution.manifest.v1+") === true;
}

export function isConfig(mediaType: string): boolean {
  return CONFIGS.has(mediaType);
}

/** The type in a Content-Type header, without its parameters. */
export function mediaTypeOf(contentType: string | null): string | undefined {
  const type = contentType?.split(";")[0]?.trim().toLowerCase();
  return type === "" ? undefined : type;
}
