import { type Control, openControl } from "../../src/control/control.ts";
import { PARTITION_ADDRESS } from "../../src/slot/partitions.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { durableFiles } from "../../src/system/durable-files.ts";

/** Reads a control partition as tandem does. */
export function controlIn(partition: BlockFile): Control {
  const places = { loaderData: partition, memory: { block: partition } };
  return openControl(places, { addressForm: PARTITION_ADDRESS, files: durableFiles });
}
