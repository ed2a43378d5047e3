import { type Control, openControl } from "../../src/control/control.ts";
import { PARTITION_ADDRESS } from "../../src/slot/partitions.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { durableFiles } from "../../src/system/durable-files.ts";

/** What is in a control partition, as tandem reads it. */
export function controlIn(partition: BlockFile): Control {
  const places = { loaderData: partition, memory: { block: partition } };
  return openControl(places, { addressForm: PARTITION_ADDRESS, files: durableFiles });
}
