import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new folder that is removed with its content: `await using folder = await temporaryFolder();`. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
  /** Returns the path of a name in the folder. */
  readonly in: (name: string) => string;
}

export async function temporaryFolder(parent: string = tmpdir()): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(parent, "tandem-"));
  return {
    path,
    in: (name) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
