import { DIRECTORY, type Files } from "../../src/system/files.ts";

/** Files in memory. The keys are paths. */
export function memoryFiles(content: Readonly<Record<string, string | Uint8Array>>): Files {
  const bytesAt = (path: string): Uint8Array | undefined => {
    const found = content[path];
    return typeof found === "string" ? new TextEncoder().encode(found) : found;
  };
  const under = (path: string): string[] =>
    Object.keys(content).filter((name) => name.startsWith(`${path}/`));
  return {
    exists: (path) => bytesAt(path) !== undefined || under(path).length > 0,
    kind: (path) => {
      if (bytesAt(path) !== undefined) return "a file";
      return under(path).length > 0 ? DIRECTORY : undefined;
    },
    readBytes: bytesAt,
    readText: (path) => {
      const bytes = bytesAt(path);
      return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
    },
    open(path) {
      const bytes = bytesAt(path);
      if (bytes === undefined) throw new Error(`ENOENT: ${path}`);
      return {
        sizeBytes: bytes.byteLength,
        readInto(offsetBytes, target) {
          const part = bytes.subarray(offsetBytes, offsetBytes + target.byteLength);
          if (part.byteLength !== target.byteLength) throw new RangeError("read past the end");
          target.set(part);
        },
        close() {},
      };
    },
    list: (path) => [
      ...new Set(under(path).map((name) => name.slice(path.length + 1).split("/")[0] ?? "")),
    ],
  };
}
