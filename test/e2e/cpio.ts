/**
 * Files for an initramfs, Linux Documentation/driver-api/early-userspace/buffer-format.rst: the "newc" form of cpio.
 */
export type InitramfsFile = { readonly path: string } & (
  | { readonly kind: "file"; readonly data: Uint8Array | string; readonly mode?: number }
  | { readonly kind: "directory" }
  | { readonly kind: "symlink"; readonly target: string }
  | { readonly kind: "character"; readonly major: number; readonly minor: number }
);

const TYPE = { file: 0o100644, directory: 0o40755, symlink: 0o120777, character: 0o20600 } as const;

/** All files belong to root. Making device nodes needs no root here. A directory precedes its content. */
export function cpio(files: readonly InitramfsFile[]): Uint8Array {
  const end: InitramfsFile = { path: "TRAILER!!!", kind: "file", data: "" };
  return Buffer.concat([...files, end].map((file, index) => member(file, index)));
}

function member(file: InitramfsFile, inode: number): Uint8Array {
  const data = dataOf(file);
  const name = Buffer.from(`${file.path}\0`);
  const permissions =
    file.kind === "file" && file.mode !== undefined ? 0o100000 | file.mode : TYPE[file.kind];
  const [major, minor] = file.kind === "character" ? [file.major, file.minor] : [0, 0];
  const fields = [
    inode,
    permissions,
    0,
    0,
    1,
    0,
    data.byteLength,
    0,
    0,
    major,
    minor,
    name.byteLength,
    0,
  ];
  const numbers = fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  return Buffer.concat([
    padded(Buffer.concat([Buffer.from(`070701${numbers}`), name])),
    padded(data),
  ]);
}

function dataOf(file: InitramfsFile): Uint8Array {
  if (file.kind === "file") return Buffer.from(file.data);
  return Buffer.from(file.kind === "symlink" ? file.target : "");
}

function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, new Uint8Array(-bytes.byteLength & 3)]);
}
