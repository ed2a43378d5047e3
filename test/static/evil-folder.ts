import { writeFileSync } from "node:fs";

import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";

/** The output that shows that foreign code has run. */
export const EVIL = 'console.log("EVIL"); process.exit(66);';

/** A working directory with every file that Bun reads by itself. */
export async function evilFolder(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  const preload = 'preload = ["./evil.js"]\n';
  const files = {
    "evil.js": EVIL,
    "bunfig.toml": preload,
    ".bunfig.toml": preload,
    ".env": 'BUN_OPTIONS="--preload ./evil.js"\nBUN_BE_BUN=1\nTANDEM_TRIES=7\n',
    "tsconfig.json": '{ "compilerOptions": { "paths": { "*": ["./evil.js"] } } }',
    "package.json": '{ "imports": { "*": "./evil.js" }, "bun": { "preload": ["./evil.js"] } }',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(folder.in(name), text);
  return folder;
}
