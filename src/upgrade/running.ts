import type { ImageFinding } from "../boot/image/image-rules.ts";
import type { Talk } from "../lib/talk.ts";
import type { Machine } from "../machine/machine.ts";
import type { SlotName } from "../slot/slot.ts";
import type { Content } from "../write/content.ts";
import type { WrittenImage } from "../write/write-image.ts";
import type { Target } from "./target.ts";

export interface Upgrade {
  readonly machine: Machine;
  readonly content: Content;
  /** The slot that the new system gets. */
  readonly slot: SlotName;
  readonly jobs: number;
  /** Take an image in spite of its flaws. */
  readonly force?: boolean;
  /** The least size of a file with the new system. */
  readonly minimumBytes?: number;
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
}

/** The results of steps, for the steps that follow. */
export interface StepResults {
  written?: WrittenImage<ImageFinding>;
  verified?: Verified;
}
