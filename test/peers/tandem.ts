import { existsSync } from "node:fs";

/** dist/tandem as `make test` builds it, or else the sources. */
export const TANDEM: readonly string[] = existsSync("dist/tandem")
  ? ["dist/tandem"]
  : [process.execPath, "src/main.ts"];
