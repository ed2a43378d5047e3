/**
 * How a boot loader and the kernel find a slot: values by name, as a boot spec holds them. Only the layout that makes
 * an address knows what the values mean. The other rooms store, compare and pass addresses.
 */
export type SlotAddress = Readonly<Record<string, string>>;

/** The form that all addresses of a layout have. */
export interface AddressForm {
  /** The names of the values, in the order of a boot spec. */
  readonly names: readonly string[];
  /** Why an address cannot be used. Undefined when it can. */
  flaw(address: SlotAddress): string | undefined;
  /** For people: "partition 3 (0fc6…)". */
  text(address: SlotAddress): string;
  /** The kernel's option that names the root file system: "root=PARTUUID=0fc6…". */
  rootOption(address: SlotAddress): string;
}

export function isSameAddress(one: SlotAddress, other: SlotAddress): boolean {
  return Bun.deepEquals(one, other);
}
