/** The steps that write a new system. None of them changes what boots. */
import { dirname } from "node:path";
import type { BootFile } from "../boot/bootloader.ts";
import type { ImageFinding } from "../boot/image/image-finding.ts";
import { withSlot } from "../control/state.ts";
import { hashRoot } from "../disk/hash-root.ts";
import { readBack } from "../disk/read-back.ts";
import { runsOf } from "../disk/run.ts";
import { identityOf } from "../ext4/identity.ts";
import { readChunks } from "../ext4/read.ts";
import { defined } from "../lib/assert.ts";
import { reasonOf } from "../lib/error.ts";
import { note } from "../machine/machine.ts";
import { stateOf } from "../machine/new-disk.ts";
import { imageFileBytes, imageFit } from "../write/image-size.ts";
import { writeImage, type WrittenImage } from "../write/write-image.ts";
import type { Running, StepResults } from "./running.ts";
import type { Target } from "./target.ts";

/** A staged system changes its label later. With metadata_csum, label and checksum lie in two sectors. */
const STAGED = { checksums: "descriptors" } as const;

/** What Kairos gives a folder that the configuration asks for. */
const FOLDER_MODE = 0o755;

/** From then on the slot counts as unusable, whatever happens to it. */
async function noteWriting({ machine, target, content }: Running): Promise<void> {
  const { memory, system } = machine;
  const startedAt = system.now().toISOString();
  const { name: source, digest } = content;
  const writing = { status: "writing", source, digest, startedAt } as const;
  await memory.writeState(withSlot(stateOf(machine), target.slot, writing));
}

/** No other slot changes. What an earlier run has left goes first, as the new system may need its space. */
export async function allocate(upgrade: Running): Promise<void> {
  const { machine, target, content, minimumBytes = 0 } = upgrade;
  const stage = defined(target.stage, "stage");
  stage.remove();
  const where = dirname(stage.path);
  const freeBytes = machine.system.durable.freeBytes(where);
  const sizeBytes = imageFileBytes(content, { where, freeBytes, minimumBytes });
  await noteWriting(upgrade);
  stage.allocate(sizeBytes);
}

export async function erase(upgrade: Running): Promise<void> {
  const { machine, target } = upgrade;
  await noteWriting(upgrade);
  // A loader with its own copy of the kernel would start it on a root that is about to be erased.
  await machine.loader.forget(target.slot);
  const { block } = target.open({ write: true });
  try {
    block.write(0, new Uint8Array(4096));
    await block.flush();
  } finally {
    block.close();
  }
}

export async function write(upgrade: Running): Promise<WrittenImage<ImageFinding>> {
  const { machine, target, content, force = false, minimumBytes = 0, folders = [] } = upgrade;
  const { loader, system } = machine;
  const { architecture } = system;
  const opened = target.open({ write: true });
  try {
    return await writeImage({
      ...upgrade,
      target: opened,
      cores: system.cores,
      identity: {
        uuid: uuidFor(upgrade),
        label: target.label,
        timeSeconds: content.timeSeconds,
      },
      ...(target.stage && { ...STAGED, fit: imageFit(content, minimumBytes) }),
      directories: [
        ...loader.images.directories,
        ...folders.map((path) => ({ path, mode: FOLDER_MODE })),
      ],
      withoutHoles: (root) => loader.images.bootFiles(root),
      inspect: (tree) => loader.images.inspect(tree, { architecture, force }),
    });
  } finally {
    opened.block.close();
  }
}

/**
 * Staged systems with equal digests must have different UUIDs: the state of a slot follows its file by the UUID, and two
 * slots may hold the same image.
 */
function uuidFor({ machine, target, content }: Running): string {
  const { digest } = content;
  const slotState = machine.memory.state.slots[target.slot];
  const begun = slotState.status === "writing" ? ` ${slotState.startedAt}` : "";
  return identityOf(digest, target.stage === undefined ? target.slot : `${target.slot}${begun}`);
}

export async function compare(
  { machine, target, talk, signal }: Running,
  { written }: StepResults,
): Promise<NonNullable<StepResults["verified"]>> {
  const { ranges } = defined(written, "written image");
  const totalBytes = ranges.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const { block } = target.open({ write: false });
  try {
    const found = await readBack(block, ranges, {
      signal,
      debug: (text) => talk.debug(text),
      onProgress: (doneBytes) => talk.progress({ step: "Reading back", doneBytes, totalBytes }),
    });
    return { at: machine.system.now().toISOString(), hashRoot: hashRoot(found) };
  } finally {
    block.close();
  }
}

export async function describe(upgrade: Running, progress: StepResults): Promise<void> {
  const { machine, target, content } = upgrade;
  const { finding, ranges } = defined(progress.written, "written image");
  const verified = defined(progress.verified, "comparison");
  const { bootable, version, forced } = finding;
  const { initrd } = bootable;
  if (forced.length > 0) await noteForced(upgrade, forced.join("; "));
  await machine.memory.writeState(
    withSlot(machine.memory.state, target.slot, {
      status: "written",
      source: content.name,
      digest: content.digest,
      ...(version === undefined ? {} : { version }),
      writtenAt: machine.system.now().toISOString(),
      sizeBytes: sizeOf(target),
      hashRoot: verified.hashRoot,
      runs: (verified.runs ?? runsOf(ranges)).map(([first, blocks]) => [first, blocks]),
      label: target.label,
      uuid: uuidFor(upgrade),
      kernel: {
        kernel: bootable.kernel,
        options: bootable.options,
        ...(initrd === undefined ? {} : { initrd }),
      },
      verifiedAt: verified.at,
    }),
  );
  if (target.stage !== undefined && upgrade.slot === "active") nameInMenu(upgrade, finding);
  // A loader that starts image files reads kernel and initrd in them.
  if (target.stage === undefined) await prepare(upgrade, progress);
}

/** A wrong title is no reason to give the new system up. */
function nameInMenu({ machine, menuTitle, talk }: Running, finding: ImageFinding): void {
  const title = menuTitle ?? finding.menuTitle;
  if (title === undefined) return;
  try {
    machine.loader.setMenuTitle?.(title);
  } catch (error) {
    talk.warn(`Cannot set the title in the boot menu: ${reasonOf(error)}, continuing`);
  }
}

async function noteForced({ machine, slot, content, talk }: Running, flaws: string): Promise<void> {
  talk.warn(`The image was forced: ${flaws}, continuing`);
  const { digest } = content;
  await note(machine, { kind: "upgrade", slot, digest, text: `forced: ${flaws}` });
}

function sizeOf(target: Target): number {
  const { block } = target.open({ write: false });
  try {
    return block.sizeBytes;
  } finally {
    block.close();
  }
}

/** Reads kernel and initrd from the slot, which was just compared with what was written. */
async function prepare(
  { machine, slot, content }: Running,
  { written }: StepResults,
): Promise<void> {
  const { bootable, files } = defined(written, "written image").finding;
  const { address } = defined(machine.slots[slot], `slot ${slot}`);
  const { block } = machine.openSlot(slot, { write: false });
  const fileOf = (path: string): BootFile => {
    const node = defined(files.get(path), path);
    return { path, sizeBytes: node.sizeBytes, read: () => readChunks(block, node) };
  };
  const { kernel, initrd } = bootable;
  try {
    await machine.loader.prepare(
      slot,
      { ...bootable, address, digest: content.digest },
      { kernel: fileOf(kernel), initrd: initrd === undefined ? undefined : fileOf(initrd) },
    );
  } finally {
    block.close();
  }
}
