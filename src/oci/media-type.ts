export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

/** In one header, indexes first: asked without them some registries answer with an image of their own choice. */
export const ACCEPT_MANIFESTS = [OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST].join(", ");

const CONFIGS = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);

export type DocumentKind = "index" | "manifest";

/** What a document of this type is; undefined for a type that says nothing about it. */
export function documentKind(mediaType: string | undefined): DocumentKind | undefined {
  if (mediaType === OCI_INDEX || mediaType === DOCKER_INDEX) return "index";
  if (mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST) return "manifest";
  return undefined;
}

/** The manifests of Docker before 2016, with layers in another form. */
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
