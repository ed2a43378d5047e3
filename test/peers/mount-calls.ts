/** mount(2) and umount2(2): hundreds of mounts by programs would take minutes. Needs root. */
import { dlopen, FFIType, ptr } from "bun:ffi";

const { symbols } = dlopen("libc.so.6", {
  mount: {
    args: [FFIType.ptr, FFIType.ptr, FFIType.ptr, FFIType.u64, FFIType.ptr],
    returns: FFIType.i32,
  },
  umount2: { args: [FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
});

const text = (value: string): Buffer => Buffer.from(`${value}\0`);

export interface MountCall {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options?: string;
}

export function mount({ source, target, type, options = "" }: MountCall): void {
  const words = [source, target, type, options].map(text);
  const [from = text(""), to = text(""), kind = text(""), data = text("")] = words;
  if (symbols.mount(ptr(from), ptr(to), ptr(kind), 0, ptr(data)) !== 0)
    throw new Error(`Cannot mount ${source} on ${target} as ${type}`);
}

export function unmount(target: string): void {
  if (symbols.umount2(ptr(text(target)), 0) !== 0) throw new Error(`Cannot unmount ${target}`);
}
