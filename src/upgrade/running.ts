import type { ImageFinding } from "../boot/image/image-finding.ts";
import type { Run } from "../disk/run.ts";
import type { Talk } from "../lib/talk.ts";
import type { Machine } from "../machine/machine.ts";
import type { SlotName } from "../slot/slot.ts";
import type { Content } from "../write/content.ts";
import type { WrittenImage } from "../write/write-image.ts";
import type { StageRun } from "./user-stages.ts";
import type { Target } from "./target.ts";

/** What the configuration asks of the new file system. */
export interface ImageExtras {
  /** The least size of a file with the new system. */
  readonly minimumBytes?: number;
  /** Absolute paths of directories that are made where the image lacks them. */
  readonly folders?: readonly string[];
  /** The title in the boot menu. Undefined: the one that the image wants, if any. */
  readonly menuTitle?: string | undefined;
}

export interface Upgrade extends ImageExtras {
  readonly machine: Machine;
  readonly content: Content;
  /** The slot that the new system gets. */
  readonly slot: SlotName;
  readonly jobs: number;
  /** Paths that are removed from the tree of an image. */
  readonly exclude?: readonly string[];
  /** Take an image in spite of its flaws. */
  readonly force?: boolean;
  /** How the stages of users are run. Undefined: a plan has none. */
  readonly stages?: Pick<StageRun, "original" | "hostRoot" | "strict">;
  readonly talk: Talk;
  readonly signal: AbortSignal;
}

/** An upgrade whose steps are performed. */
export interface Running extends Upgrade {
  readonly target: Target;
}

interface Verified {
  readonly at: string;
  readonly hashRoot: string;
  /** What the root is over, when a stage has changed the system after it was written. */
  readonly runs?: readonly Run[];
}

/** The results of steps, for the steps that follow. */
export interface StepResults {
  written?: WrittenImage<ImageFinding>;
  verified?: Verified;
}
