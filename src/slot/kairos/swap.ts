/**
 * Which steps put a new image file in the place of the active one. A power cut may come between any two of them, and
 * within one. At each of these moments `active` and `passive` lead to whole systems with different labels, for the
 * kernel, which replays the journal of COS_STATE, and for GRUB, which does not.
 */
import { TandemError } from "../../lib/error.ts";

/** The names in the folder /cOS of COS_STATE, without ".img". */
export const IMAGE_NAMES = [
  /** The system that GRUB starts by default. */
  "active",
  /** The system that GRUB starts when the active one fails. */
  "passive",
  /** The new system, complete and read back. */
  "transition",
  /** The system that was active before, until it is called passive. */
  "previous",
  /** A system that a rename has replaced. Its blocks must stay until GRUB sees the rename. */
  "replaced",
] as const;
export type ImageName = (typeof IMAGE_NAMES)[number];

export const ACTIVE_LABEL = "COS_ACTIVE";
export const PASSIVE_LABEL = "COS_PASSIVE";

export interface ImageFile {
  /** Two names with the same identity are names of one file. */
  readonly identity: string;
  /** The label of its file system. Undefined when the kernel would refuse the superblock, as after half of a relabel. */
  readonly label: string | undefined;
  /** It holds no ext file system at all, not even a damaged one: nothing in it can be labelled. */
  readonly isForeign?: boolean;
}

export type ImageFiles = Readonly<Partial<Record<ImageName, ImageFile>>>;

/** After each step COS_STATE is flushed. */
export type SwapStep =
  | { readonly kind: "link" | "rename"; readonly from: ImageName; readonly to: ImageName }
  | { readonly kind: "label"; readonly file: ImageName; readonly label: string }
  | { readonly kind: "remove"; readonly file: ImageName };

/**
 * The steps that make `transition` active. The active system becomes the passive one. With `keepPassive` the passive
 * system stays, and the active one is given up: after a boot from `passive` or `recovery`. What an earlier swap has
 * left must be finished before: see planFinish(). Throws "content" when `transition` is no system for this place.
 */
export function planSwap(
  files: ImageFiles,
  { keepPassive }: { readonly keepPassive: boolean },
): readonly SwapStep[] {
  const { transition, active } = files;
  if (transition?.label !== ACTIVE_LABEL)
    throw new TandemError(
      "content",
      `Cannot make transition.img the active system: ${problemOf(transition)}`,
    );
  const promote: SwapStep = { kind: "rename", from: "transition", to: "active" };
  const keep: SwapStep = {
    kind: "link",
    from: "active",
    to: keepPassive ? "replaced" : "previous",
  };
  const steps = active === undefined ? [promote] : [keep, promote];
  return [...steps, ...planFinish(afterSteps(files, steps))];
}

/**
 * The steps that finish a swap after a power cut; none when there is nothing to finish. A swap whose new system is not
 * active yet is undone instead: `transition` stays for its owner.
 */
export function planFinish(files: ImageFiles): readonly SwapStep[] {
  const { active, passive, previous, replaced } = files;
  const clear: SwapStep[] = replaced === undefined ? [] : [{ kind: "remove", file: "replaced" }];
  // None of these steps leaves that: somebody else was at work, and any file may be the last system.
  if (active === undefined) return [];
  if (previous === undefined) return [...clear, ...labelAsPassive("passive", files)];
  const isSecondName = [active, passive].some((file) => file?.identity === previous.identity);
  if (isSecondName) return [...clear, { kind: "remove", file: "previous" }];
  return [...clear, ...labelAsPassive("previous", files), ...replacePassive(passive)];
}

/** A rename alone would free the old passive system while GRUB may still see it under its name. */
function replacePassive(passive: ImageFile | undefined): readonly SwapStep[] {
  const rename: SwapStep = { kind: "rename", from: "previous", to: "passive" };
  if (passive === undefined) return [rename];
  return [
    { kind: "link", from: "passive", to: "replaced" },
    rename,
    { kind: "remove", file: "replaced" },
  ];
}

function labelAsPassive(file: "passive" | "previous", files: ImageFiles): readonly SwapStep[] {
  const image = files[file];
  // A passive system that another tool has left without a file system must not stop all that could replace it.
  const isLost = file === "passive" && image?.isForeign === true;
  const isRight = image === undefined || image.label === PASSIVE_LABEL || isLost;
  if (isRight || image.identity === files.active?.identity) return [];
  return [{ kind: "label", file, label: PASSIVE_LABEL }];
}

/** The files after these steps. */
export function afterSteps(files: ImageFiles, steps: readonly SwapStep[]): ImageFiles {
  const names = new Map(IMAGE_NAMES.map((name) => [name, files[name]]));
  for (const step of steps) applyStep(names, step);
  return Object.fromEntries([...names].filter(([, file]) => file !== undefined));
}

function applyStep(names: Map<ImageName, ImageFile | undefined>, step: SwapStep): void {
  switch (step.kind) {
    case "link":
      names.set(step.to, names.get(step.from));
      break;
    case "rename":
      names.set(step.to, names.get(step.from)).delete(step.from);
      break;
    case "label":
      relabelAllNames(names, step);
      break;
    case "remove":
      names.delete(step.file);
      break;
  }
}

function relabelAllNames(
  names: Map<ImageName, ImageFile | undefined>,
  { file, label }: Extract<SwapStep, { kind: "label" }>,
): void {
  const identity = names.get(file)?.identity;
  for (const [name, image] of names)
    if (image !== undefined && image.identity === identity) names.set(name, { ...image, label });
}

function problemOf(transition: ImageFile | undefined): string {
  if (transition === undefined) return "there is none";
  if (transition.label === undefined) return "it has no sound ext4 superblock";
  return `its label is ${transition.label}, want ${ACTIVE_LABEL}`;
}
