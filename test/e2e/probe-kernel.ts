/**
 * A kernel of 70 bytes, to test the decisions of boot loaders without waiting for Linux: it writes its kernel options
 * to the first serial port and resets the machine.
 */

/**
 * 32-bit code. A boot loader jumps to it with the boot parameters at ESI (Linux Documentation/arch/x86/boot.rst,
 * "32-bit boot protocol").
 */
const CODE = [
  [0xfc], // cld
  [0x8b, 0xb6, 0x28, 0x02, 0x00, 0x00], // mov esi, [esi + 0x228]   cmd_line_ptr
  [0xb4, 0x0a], // mov ah, '\n'
  // put:
  [0x66, 0xba, 0xfd, 0x03], // mov dx, 0x3fd             line status
  [0xec], // in al, dx
  [0xa8, 0x20], // test al, 0x20             room for a character
  [0x74, 0xfb], // jz -5
  [0x88, 0xe0], // mov al, ah
  [0x66, 0xba, 0xf8, 0x03], // mov dx, 0x3f8
  [0xee], // out dx, al
  [0x84, 0xe4], // test ah, ah               the 0 at the end was put
  [0x74, 0x05], // jz reset
  [0xac], // lodsb
  [0x88, 0xc4], // mov ah, al
  [0xeb, 0xe7], // jmp put
  // reset:
  [0xb0, 0x0a], // mov al, '\n'
  [0xee], // out dx, al
  [0x66, 0xba, 0xfd, 0x03], // mov dx, 0x3fd
  [0xec], // in al, dx
  [0xa8, 0x40], // test al, 0x40             all sent
  [0x74, 0xfb], // jz -5
  [0x66, 0xba, 0xf9, 0x0c], // mov dx, 0xcf9             reset control register
  [0xb0, 0x06], // mov al, 6
  [0xee], // out dx, al
  [0xf4], // hlt
].flat();

/** The setup header, boot.rst "the real-mode kernel header". */
const HEADER = {
  setupSectors: 0x1f1,
  syssize: 0x1f4,
  bootFlag: 0x1fe,
  jump: 0x200,
  magic: 0x202,
  version: 0x206,
  loadFlags: 0x211,
  code32Start: 0x214,
  initrdMax: 0x22c,
  optionsMax: 0x238,
} as const;
const SETUP_SECTORS = 1;
const LOADED_HIGH = 1;

export function probeKernel(): Uint8Array {
  const codeOffset = (SETUP_SECTORS + 1) * 512;
  const bytes = new Uint8Array(codeOffset + 512);
  const view = new DataView(bytes.buffer);
  view.setUint8(HEADER.setupSectors, SETUP_SECTORS);
  view.setUint32(HEADER.syssize, 512 / 16, true);
  view.setUint16(HEADER.bootFlag, 0xaa55, true);
  view.setUint16(HEADER.jump, 0x66eb, true);
  bytes.set(new TextEncoder().encode("HdrS"), HEADER.magic);
  view.setUint16(HEADER.version, 0x0206, true);
  view.setUint8(HEADER.loadFlags, LOADED_HIGH);
  view.setUint32(HEADER.code32Start, 0x100000, true);
  view.setUint32(HEADER.initrdMax, 0x37ffffff, true);
  view.setUint32(HEADER.optionsMax, 2047, true);
  bytes.set(CODE, codeOffset);
  return bytes;
}
