import { TandemError } from "../../lib/error.ts";
import type { KairosPlaces } from "./places.ts";

/** Throws "boot" when GRUB's files cannot be changed. */
export function refuseReadOnly({ readOnlyReason, state }: KairosPlaces): void {
  if (readOnlyReason === undefined) return;
  throw new TandemError(
    "boot",
    `Cannot change the environment files of GRUB in ${state}: ${readOnlyReason}`,
  );
}
