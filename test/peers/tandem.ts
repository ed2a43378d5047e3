import { existsSync } from "node:fs";

/** The built dist/tandem if it exists, or else the sources. */
export const TANDEM: readonly string[] = existsSync("dist/tandem")
  ? ["dist/tandem"]
  : [process.execPath, "src/main.ts"];
