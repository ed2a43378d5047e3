import { findCredentials } from "../oci/credentials.ts";
import type { Image } from "../oci/manifest.ts";
import { parseReference, printReference } from "../oci/reference.ts";
import { Registry } from "../oci/registry.ts";
import { resolveImage } from "../oci/resolve.ts";
import { once } from "./once.ts";
import type { OpenSource } from "./source.ts";

/** oci:REFERENCE */
export const openRegistry: OpenSource = (text, options) => {
  const reference = parseReference(text);
  const credentials = findCredentials(reference, options);
  const registry = new Registry(reference, { ...options, credentials });
  const resolve = async (): Promise<Image> =>
    resolveImage(await registry.root(), registry, { architecture: options.architecture, depth: 0 });
  const closed = new AbortController();
  return {
    name: `oci:${printReference(reference)}`,
    image: once(resolve),
    blob: (layer, { signal } = {}) =>
      registry.blob(
        layer,
        signal === undefined ? closed.signal : AbortSignal.any([signal, closed.signal]),
      ),
    close: () => closed.abort(),
  };
};
