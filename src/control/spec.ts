import { TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import type { AddressForm, SlotAddress } from "../slot/address.ts";
import type { SlotName } from "../slot/slot.ts";
import { envLine, envText, parseEnvBlock } from "./env-block.ts";

/** How the boot loader starts one slot. */
export interface SlotSpec {
  /** Path in the slot's file system: "/boot/vmlinuz-6.1". */
  readonly kernel: string;
  /** Undefined when the kernel needs none. */
  readonly initrd: string | undefined;
  /** Kernel options from the image. */
  readonly options: string;
  /** Where the slot is. */
  readonly address: SlotAddress;
  /** The digest of the image: "sha256:…". */
  readonly digest: string;
}

/** The size of a GRUB environment block. GRUB's load_env takes any size. */
export const SPEC_BYTES = 4 * KiB;
/** Linux takes a command line of 2048 bytes on x86 (COMMAND_LINE_SIZE). tandem's own options need some of them. */
export const OPTIONS_BYTES_MAX = 1536;
const PATH_BYTES_MAX = 1024;
const DIGEST = /^[a-z0-9]+:[0-9a-f]{32,128}$/;

/** Throws "boot" when the boot loader cannot pass a value to the kernel. */
export function encodeSpec(slot: SlotName, spec: SlotSpec, form: AddressForm): Uint8Array {
  const flaw = flawOf(spec, form);
  if (flaw !== undefined) throw refused(slot, flaw);
  const text = envText([
    envLine("kernel", spec.kernel),
    envLine("initrd", spec.initrd ?? ""),
    envLine("options", spec.options),
    ...form.names.map((name) => envLine(name, spec.address[name] ?? "")),
    envLine("digest", spec.digest),
  ]);
  const bytes = Buffer.from(text, "utf8");
  if (bytes.byteLength > SPEC_BYTES)
    throw refused(slot, `it has ${bytes.byteLength} bytes, more than ${SPEC_BYTES}`);
  return Buffer.concat([bytes, Buffer.alloc(SPEC_BYTES - bytes.byteLength, "#")]);
}

/** Never throws: a spec that cannot be used has the reason. An erased spec is invalid, too. */
export function parseSpec(
  bytes: Uint8Array,
  form: AddressForm,
): SlotSpec | { readonly invalid: string } {
  const block = parseEnvBlock(bytes.subarray(0, SPEC_BYTES));
  if ("invalid" in block) return block;
  const value = (name: string): string => block.values.get(name) ?? "";
  const spec = {
    kernel: value("kernel"),
    initrd: value("initrd") === "" ? undefined : value("initrd"),
    options: value("options"),
    address: Object.fromEntries(form.names.map((name) => [name, value(name)])),
    digest: value("digest"),
  };
  const flaw = flawOf(spec, form);
  return flaw === undefined ? spec : { invalid: flaw };
}

function refused(slot: SlotName, why: string): TandemError {
  return new TandemError("boot", `Cannot write the boot spec of slot ${slot}: ${why}`);
}

function flawOf(
  { kernel, initrd, options, address, digest }: SlotSpec,
  form: AddressForm,
): string | undefined {
  const text = [kernel, initrd ?? "", options, ...Object.values(address), digest].join("");
  // oxlint-disable-next-line no-control-regex -- Control characters are what it refuses.
  if (/[\u0000-\u001F\u007F]/.test(text)) return "a value has a control character";
  const flaw = form.flaw(address);
  if (flaw !== undefined) return flaw;
  if (!DIGEST.test(digest)) return `digest is "${digest}"`;
  return (
    flawOfPath("kernel", kernel) ??
    (initrd === undefined ? undefined : flawOfPath("initrd", initrd)) ??
    flawOfLength("options", options, OPTIONS_BYTES_MAX)
  );
}

function flawOfPath(name: string, path: string): string | undefined {
  if (!path.startsWith("/")) return `${name} is "${path}": want a path from the slot's root`;
  // GRUB's script would read the second word as another argument.
  if (path.includes(" ")) return `${name} "${path}" has a space`;
  return flawOfLength(name, path, PATH_BYTES_MAX);
}

function flawOfLength(name: string, text: string, max: number): string | undefined {
  const bytes = Buffer.byteLength(text, "utf8");
  return bytes > max ? `${name} has ${bytes} bytes, more than ${max}` : undefined;
}
