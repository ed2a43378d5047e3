import { findCredentials } from "../oci/credentials.ts";
import type { Image } from "../oci/manifest.ts";
import { parseReference, printReference } from "../oci/reference.ts";
import { Registry } from "../oci/registry.ts";
import { resolveImage } from "../oci/resolve.ts";
import { type Authorities, findAuthorities } from "../system/authorities.ts";
import { once } from "../lib/once.ts";
import type { OpenSource } from "./source.ts";

/** Opens oci:REFERENCE. */
export const openRegistry: OpenSource = (text, options) => {
  const reference = parseReference(text);
  const credentials = findCredentials(reference, options);
  const closed = new AbortController();
  const lifetime = anyOf([options.signal, closed.signal]);
  const authorities = (): Authorities => findAuthorities(options);
  const registry = new Registry(reference, {
    ...options,
    credentials,
    authorities,
    signal: lifetime,
  });
  const resolve = async (): Promise<Image> => {
    const { architecture } = options;
    try {
      return await resolveImage(await registry.root(), registry, { architecture, depth: 0 });
    } catch (error) {
      throw registry.conceal(error);
    }
  };
  return {
    kind: "layers",
    name: `oci:${printReference(reference)}`,
    image: once(resolve),
    blob: (layer, { signal } = {}) => registry.blob(layer, anyOf([signal, lifetime])),
    close: () => closed.abort(),
    found: () => (registry.scheme === undefined ? {} : { scheme: registry.scheme }),
  };
};

function anyOf(signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}
