/**
 * How a boot loader and the kernel find a slot: values by name, as a boot spec has them. Only the layout that made an address knows
 * what its values mean; the other rooms keep addresses, compare them and hand them on.
 */
export type SlotAddress = Readonly<Record<string, string>>;

/** What the addresses of a layout have in common. */
export interface AddressForm {
  /** The names of the values, in the order in which a spec has them. */
  readonly names: readonly string[];
  /** Why an address cannot be used; undefined: it can. */
  flaw(address: SlotAddress): string | undefined;
  /** For people: "partition 3 (0fc6…)". */
  text(address: SlotAddress): string;
  /** The kernel's option that names the root file system: "root=PARTUUID=0fc6…". */
  rootOption(address: SlotAddress): string;
}

export function isSameAddress(one: SlotAddress, other: SlotAddress): boolean {
  return Bun.deepEquals(one, other);
}
