import { TandemError } from "../lib/error.ts";
import type { LayeredSource, Source } from "../source/source.ts";

/** Returns `source` as a source of layers. Throws "source" for the other forms. */
export function layersOf(source: Source): LayeredSource {
  switch (source.kind) {
    case "layers":
      return source;
    case "tree":
      throw unsupported(source, "a directory tree");
    case "filesystem":
      throw unsupported(source, "a file system");
  }
}

/** An error "source": this is a form of source that is not wanted here. */
export function unsupported({ name }: Source, form: string): TandemError {
  return new TandemError(
    "source",
    `Cannot write ${name}: it gives ${form}, which tandem cannot write`,
  );
}
