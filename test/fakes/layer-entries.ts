import type { Entry } from "../../src/tar/entry.ts";
import { EntryPacker } from "../../src/layer/entry-packer.ts";
import { LayerEntries } from "../../src/layer/layer-entries.ts";

/** Makes a layer of these entries. */
export function layerEntries(entries: Iterable<Entry>): LayerEntries {
  const packer = new EntryPacker();
  for (const entry of entries) packer.add(entry);
  return new LayerEntries(packer.finish());
}
