import type { BootFile, BootFiles } from "../../boot/bootloader.ts";
import { findFile } from "../../boot/find.ts";
import { unfitSlots } from "../../control/state.ts";
import type { SlotSpec } from "../../control/spec.ts";
import { identityOf } from "../../ext4/identity.ts";
import { type FileSystem, openFileSystem } from "../../ext4/mount.ts";
import { readChunks } from "../../ext4/read.ts";
import { defined } from "../../lib/assert.ts";
import type { SlotName } from "../../slot/slot.ts";
import type { BlockFile } from "../../system/block-file.ts";
import { forgetUnfit } from "../forget-unfit.ts";
import type { Machine } from "../machine.ts";
import { about, type Finding } from "./finding.ts";
import type { Held, HeldSlots, HeldSystem } from "./held.ts";
import { namedSlots } from "./named.ts";

/** Whether the boot loader could start each slot that it may be led to, and no other. */
export function checkSpecs(machine: Machine, held: HeldSlots): Finding[] {
  return [...held].map(([slot, found]) => checkSpec(machine, slot, found));
}

function checkSpec(machine: Machine, slot: SlotName, found: Held): Finding {
  const { ok, warn, bad } = about(`start of slot ${slot}`, "boot");
  const isNamed = namedSlots(machine).includes(slot);
  const why = machine.loader.whyNot(slot) ?? flawOf(machine, slot, found);
  if (!isNamed && unfitSlots(machine.control.state).includes(slot)) {
    if (machine.loader.whyNot(slot) !== undefined) return ok("the boot loader does not know it");
    return warn("the boot loader could start it, and nothing whole is in it", {
      advice: "Run tandem doctor --fix.",
      repair: {
        what: "make slots unstartable that are not whole",
        run: () => forgetUnfit(machine),
      },
    });
  }
  if (why === undefined) return ok("the boot loader can start it");
  if (found.kind !== "system")
    return (isNamed ? bad : warn)(why, { advice: "Upgrade to write the slot anew." });
  return (isNamed ? bad : warn)(why, {
    advice: "Run tandem doctor --fix.",
    repair: {
      what: `tell the boot loader anew how slot ${slot} is started`,
      run: () => prepare(machine, slot, found),
    },
  });
}

/** What GRUB would stumble over. Another loader says so itself. */
function flawOf(machine: Machine, slot: SlotName, found: Held): string | undefined {
  const spec = machine.control.spec(slot);
  const partition = defined(machine.slots[slot], `slot ${slot}`);
  if (machine.loader.name !== "grub" || "invalid" in spec) return undefined;
  if (spec.part !== partition.number || spec.partuuid !== partition.uuid)
    return `its boot spec names partition ${spec.part} (${spec.partuuid}), it is ${partition.number} (${partition.uuid})`;
  if (found.kind !== "system") return undefined;
  const { kernel, initrd } = found.bootable;
  if (spec.kernel === kernel && spec.initrd === initrd) return undefined;
  return `its boot spec names ${filesOf(spec)}, it has ${filesOf(found.bootable)}`;
}

function filesOf({ kernel, initrd }: Pick<SlotSpec, "kernel" | "initrd">): string {
  return initrd === undefined ? kernel : `${kernel} and ${initrd}`;
}

async function prepare(machine: Machine, slot: SlotName, found: HeldSystem): Promise<void> {
  const partition = defined(machine.slots[slot], `slot ${slot}`);
  const { block } = machine.openSlot(slot, { write: false });
  try {
    const spec: SlotSpec = {
      ...found.bootable,
      part: partition.number,
      partuuid: partition.uuid,
      digest: digestOf(machine, slot, found),
    };
    await machine.loader.prepare(slot, spec, bootFiles(block, found));
    // Where each record has entries of its own, this one's may be missing.
    await machine.loader.repair();
  } finally {
    block.close();
  }
}

/** That of the image from which the file system has its UUID, when state or spec remember it; otherwise only the UUID is known. */
function digestOf({ control }: Machine, slot: SlotName, { uuid }: HeldSystem): string {
  const state = control.state.slots[slot];
  const spec = control.spec(slot);
  const known = [
    ...(state.status === "written" ? [state.digest] : []),
    ...("invalid" in spec ? [] : [spec.digest]),
  ].find((digest) => identityOf(digest, slot) === uuid);
  return known ?? `uuid:${uuid.replaceAll("-", "")}`;
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
