import { findCredentials } from "../oci/credentials.ts";
import type { Image } from "../oci/manifest.ts";
import { parseReference, printReference, type Reference } from "../oci/reference.ts";
import { Registry } from "../oci/registry.ts";
import { resolveImage } from "../oci/resolve.ts";
import { listTags } from "../oci/tags.ts";
import { type Authorities, findAuthorities } from "../system/authorities.ts";
import { once } from "../lib/once.ts";
import type { OpenOptions, OpenSource } from "./source.ts";

/** Opens oci:REFERENCE. */
export const openRegistry: OpenSource = (text, options) => {
  const reference = parseReference(text);
  const closed = new AbortController();
  const lifetime = anyOf([options.signal, closed.signal]);
  const registry = connect(reference, { ...options, signal: lifetime });
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

/** Lists the tags of the repository that a reference names. */
export async function registryTags(text: string, options: OpenOptions): Promise<string[]> {
  const registry = connect(parseReference(text), options);
  try {
    return await listTags(registry);
  } catch (error) {
    throw registry.conceal(error);
  }
}

function connect(reference: Reference, options: OpenOptions): Registry {
  const credentials = findCredentials(reference, options);
  const authorities = (): Authorities => findAuthorities(options);
  return new Registry(reference, { ...options, credentials, authorities });
}

function anyOf(signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}
