import { viewOf } from "../../lib/view.ts";

/** The header of an executable: elf(5). */
export const ELF_HEAD_BYTES = 20;
const MAGIC = [0x7f, 0x45, 0x4c, 0x46];
const DATA_OFFSET = 5;
const LITTLE_ENDIAN = 1;
const MACHINE_OFFSET = 18;

/** e_machine, and the name in OCI platforms. */
const MACHINES: ReadonlyMap<number, string> = new Map([
  [3, "386"],
  [40, "arm"],
  [62, "amd64"],
  [183, "arm64"],
  [243, "riscv64"],
]);

/** The architecture that an executable is made for. Undefined when `head` is no ELF header, or one of another machine. */
export function architectureOf(head: Uint8Array): string | undefined {
  const isElf = head.byteLength >= ELF_HEAD_BYTES && MAGIC.every((byte, at) => head[at] === byte);
  if (!isElf || head[DATA_OFFSET] !== LITTLE_ENDIAN) return undefined;
  return MACHINES.get(viewOf(head).getUint16(MACHINE_OFFSET, true));
}
