import type { PartContent, Part } from "./bundle.ts";

/** A part with one file. A failure is noted under the name of the part. */
export function single(
  name: string,
  path: string,
  read: () => PartContent | Promise<PartContent>,
): Part {
  return {
    name,
    async *files() {
      const content = await read();
      yield { path, read: () => content };
    },
  };
}
