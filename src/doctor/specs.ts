import type { BootFile, BootFiles } from "../boot/bootloader.ts";
import { findFile } from "../boot/image/find.ts";
import { unfitSlots } from "../control/state.ts";
import type { SlotSpec } from "../control/spec.ts";
import { readRoot } from "../disk/hash-root.ts";
import { withLabel } from "../ext4/with-label.ts";
import { identityOf } from "../ext4/identity.ts";
import { type FileSystem, openFileSystem } from "../ext4/mount.ts";
import { readChunks } from "../ext4/read.ts";
import { defined } from "../lib/assert.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import type { SlotAddress } from "../slot/address.ts";
import type { SlotName } from "../slot/slot.ts";
import type { BlockFile } from "../system/block-file.ts";
import { forgetUnfit } from "../machine/forget-unfit.ts";
import type { Machine } from "../machine/machine.ts";
import { about, type Finding, type Remedy } from "../lib/finding.ts";
import type { SlotContents, ContentsOfSlots, FoundSystem } from "./contents.ts";
import { namedSlots } from "./named.ts";

/** Whether the boot loader can start each slot that the boot record may name, and no other slot. */
export function checkSpecs(machine: Machine, contents: ContentsOfSlots): Finding[] {
  return [...contents].map(([slot, found]) => checkSpec(machine, slot, found));
}

function checkSpec(machine: Machine, slot: SlotName, found: SlotContents): Finding {
  const { ok, warn, bad } = about(`start of slot ${slot}`, "boot");
  const isNamed = namedSlots(machine).includes(slot);
  const isUnfit = unfitSlots(machine.memory.state).includes(slot);
  if (!isNamed && isUnfit) return checkUnfit(machine, slot);
  const why = machine.loader.startProblem(slot) ?? mismatchOf(machine, slot, found);
  if (why === undefined) {
    const lost = lostSpecOf(machine, slot, found);
    return lost === undefined ? ok("the boot loader can start it") : warn(lost.text, lost.more);
  }
  const more =
    found.kind === "system" && !isUnfit
      ? describeAgain(machine, slot, found)
      : { advice: "Upgrade to write the slot again." };
  return (isNamed ? bad : warn)(why, more);
}

function checkUnfit(machine: Machine, slot: SlotName): Finding {
  const { ok, warn } = about(`start of slot ${slot}`, "boot");
  if (machine.loader.startProblem(slot) !== undefined)
    return ok("the boot loader does not know it");
  return warn("the boot loader could start it, but it holds no whole system", {
    advice: "Run tandem doctor --fix.",
    repair: {
      what: "make slots unstartable that hold no whole system",
      run: () => forgetUnfit(machine),
    },
  });
}

/** A loader with entries starts a slot by its entry, also when the spec is lost. */
function lostSpecOf(
  machine: Machine,
  slot: SlotName,
  found: SlotContents,
): { readonly text: string; readonly more: Remedy } | undefined {
  const spec = machine.loaderData.spec(slot);
  if (!("invalid" in spec) || found.kind !== "system") return undefined;
  // With another digest the kernel would be copied again under another name, without need.
  if (knownDigest(machine, slot, found) === undefined) return undefined;
  const text = `its boot spec cannot be used, only its entry: ${spec.invalid}`;
  return { text, more: describeAgain(machine, slot, found) };
}

function describeAgain(machine: Machine, slot: SlotName, found: FoundSystem): Remedy {
  return {
    advice: "Run tandem doctor --fix.",
    repair: {
      what: `describe slot ${slot} to the boot loader again`,
      run: () => prepare(machine, slot, found),
    },
  };
}

/** How what the loader knows of the slot differs from the slot. */
function mismatchOf(machine: Machine, slot: SlotName, found: SlotContents): string | undefined {
  const address = addressOf(machine, slot);
  if (found.kind !== "system") return machine.loader.mismatch(slot, { address, files: undefined });
  const { block } = machine.openSlot(slot, { write: false });
  try {
    return machine.loader.mismatch(slot, { address, files: bootFiles(block, found) });
  } catch (error) {
    if (error instanceof TandemError) return reasonOf(error);
    throw error;
  } finally {
    block.close();
  }
}

function addressOf({ slots }: Machine, slot: SlotName): SlotAddress {
  return defined(slots[slot], `slot ${slot}`).address;
}

async function prepare(machine: Machine, slot: SlotName, found: FoundSystem): Promise<void> {
  const { block } = machine.openSlot(slot, { write: false });
  try {
    await refuseChanged(machine, slot, block);
    const spec: SlotSpec = {
      ...found.bootable,
      address: addressOf(machine, slot),
      digest: digestOf(machine, slot, found),
    };
    await machine.loader.prepare(slot, spec, bootFiles(block, found));
    // A loader with entries may lack the entry of this slot.
    await machine.loader.repair();
  } finally {
    block.close();
  }
}

/** If the slot's bytes have changed, the loader's copies may be the right ones. Throws `disk`. */
async function refuseChanged(machine: Machine, slot: SlotName, block: BlockFile): Promise<void> {
  const state = machine.memory.state.slots[slot];
  if (!machine.loader.hasCopies || state.status !== "written") return;
  if ((await readRoot(withLabel(block, state.label), state.runs)) === state.hashRoot) return;
  throw new TandemError(
    "disk",
    `Cannot take kernel and initrd from slot ${slot}: its bytes are not those that were written`,
    {
      hint: "Run tandem doctor --fix --verify: afterwards the boot record does not name this slot.",
    },
  );
}

/** The digest of the image; if it is not known, the UUID of the file system. */
function digestOf(machine: Machine, slot: SlotName, found: FoundSystem): string {
  return knownDigest(machine, slot, found) ?? `uuid:${found.uuid.replaceAll("-", "")}`;
}

/** The digest in state or spec from which the UUID of the file system was made. undefined: there is none. */
function knownDigest(
  { loaderData, memory }: Machine,
  slot: SlotName,
  { uuid }: FoundSystem,
): string | undefined {
  const state = memory.state.slots[slot];
  const spec = loaderData.spec(slot);
  return [
    ...(state.status === "written" ? [state.digest] : []),
    ...("invalid" in spec ? [] : [spec.digest]),
  ].find((digest) => identityOf(digest, slot) === uuid);
}

function bootFiles(block: BlockFile, { bootable }: FoundSystem): BootFiles {
  const fs = openFileSystem(block);
  const { kernel, initrd } = bootable;
  return {
    kernel: bootFile(block, fs, kernel),
    initrd: initrd === undefined ? undefined : bootFile(block, fs, initrd),
  };
}

function bootFile(block: BlockFile, { root }: FileSystem, path: string): BootFile {
  const { node } = defined(findFile(root, path), path);
  return { path, sizeBytes: node.sizeBytes, read: () => readChunks(block, node) };
}
