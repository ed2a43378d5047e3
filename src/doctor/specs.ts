import type { BootFile, BootFiles } from "../boot/bootloader.ts";
import { findFile } from "../boot/image/find.ts";
import { unfitSlots } from "../control/state.ts";
import type { SlotSpec } from "../control/spec.ts";
import { readRoot } from "../disk/hash-root.ts";
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
import type { Held, HeldSlots, HeldSystem } from "./held.ts";
import { namedSlots } from "./named.ts";

/** Whether the boot loader could start each slot that it may be led to, and no other. */
export function checkSpecs(machine: Machine, held: HeldSlots): Finding[] {
  return [...held].map(([slot, found]) => checkSpec(machine, slot, found));
}

function checkSpec(machine: Machine, slot: SlotName, found: Held): Finding {
  const { ok, warn, bad } = about(`start of slot ${slot}`, "boot");
  const isNamed = namedSlots(machine).includes(slot);
  const isUnfit = unfitSlots(machine.memory.state).includes(slot);
  if (!isNamed && isUnfit) return checkUnfit(machine, slot);
  const why = machine.loader.startProblem(slot) ?? mismatchOf(machine, slot, found);
  if (why === undefined) {
    const lost = lostSpec(machine, slot, found);
    return lost === undefined ? ok("the boot loader can start it") : warn(lost.text, lost.more);
  }
  const more =
    found.kind === "system" && !isUnfit
      ? tellAnew(machine, slot, found)
      : { advice: "Upgrade to write the slot anew." };
  return (isNamed ? bad : warn)(why, more);
}

function checkUnfit(machine: Machine, slot: SlotName): Finding {
  const { ok, warn } = about(`start of slot ${slot}`, "boot");
  if (machine.loader.startProblem(slot) !== undefined)
    return ok("the boot loader does not know it");
  return warn("the boot loader could start it, and nothing whole is in it", {
    advice: "Run tandem doctor --fix.",
    repair: {
      what: "make slots unstartable that are not whole",
      run: () => forgetUnfit(machine),
    },
  });
}

/** A loader with entries starts a slot by its entry as long as there is one, also where the spec is lost. */
function lostSpec(
  machine: Machine,
  slot: SlotName,
  found: Held,
): { readonly text: string; readonly more: Remedy } | undefined {
  const spec = machine.loaderData.spec(slot);
  if (!("invalid" in spec) || found.kind !== "system") return undefined;
  // Under another name its kernel would be copied once more, for nothing.
  if (knownDigest(machine, slot, found) === undefined) return undefined;
  const text = `its boot spec cannot be used, only its entry: ${spec.invalid}`;
  return { text, more: tellAnew(machine, slot, found) };
}

function tellAnew(machine: Machine, slot: SlotName, found: HeldSystem): Remedy {
  return {
    advice: "Run tandem doctor --fix.",
    repair: {
      what: `tell the boot loader anew how slot ${slot} is started`,
      run: () => prepare(machine, slot, found),
    },
  };
}

/** What the loader has for the slot and what is not so in the slot. */
function mismatchOf(machine: Machine, slot: SlotName, found: Held): string | undefined {
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

async function prepare(machine: Machine, slot: SlotName, found: HeldSystem): Promise<void> {
  const { block } = machine.openSlot(slot, { write: false });
  try {
    await refuseChanged(machine, slot, block);
    const spec: SlotSpec = {
      ...found.bootable,
      address: addressOf(machine, slot),
      digest: digestOf(machine, slot, found),
    };
    await machine.loader.prepare(slot, spec, bootFiles(block, found));
    // Where each record has entries of its own, this one's may be missing.
    await machine.loader.repair();
  } finally {
    block.close();
  }
}

/** The copies that the loader has may be right where the slot is not. Throws `disk`. */
async function refuseChanged(machine: Machine, slot: SlotName, block: BlockFile): Promise<void> {
  const held = machine.memory.state.slots[slot];
  if (!machine.loader.hasCopies || held.status !== "written") return;
  if ((await readRoot(block, held.runs)) === held.hashRoot) return;
  throw new TandemError(
    "disk",
    `Cannot take kernel and initrd from slot ${slot}: its bytes are not those that were written`,
    { hint: "Run tandem doctor --fix --verify: it lets nothing lead there." },
  );
}

/** Where it is not known, only the UUID of the file system is. */
function digestOf(machine: Machine, slot: SlotName, found: HeldSystem): string {
  return knownDigest(machine, slot, found) ?? `uuid:${found.uuid.replaceAll("-", "")}`;
}

/** That of the image from which the file system has its UUID, when state or spec remember it. */
function knownDigest(
  { loaderData, memory }: Machine,
  slot: SlotName,
  { uuid }: HeldSystem,
): string | undefined {
  const state = memory.state.slots[slot];
  const spec = loaderData.spec(slot);
  return [
    ...(state.status === "written" ? [state.digest] : []),
    ...("invalid" in spec ? [] : [spec.digest]),
  ].find((digest) => identityOf(digest, slot) === uuid);
}

function bootFiles(block: BlockFile, { bootable }: HeldSystem): BootFiles {
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
