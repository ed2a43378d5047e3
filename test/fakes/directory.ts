import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openSource, type Source } from "../../src/source/source.ts";
import { linuxFiles } from "../../src/system/files.ts";
import { initrdOf, kernelOf } from "./boot-files.ts";

/** Makes a directory that holds a system which can boot, the same for the same `version`. */
export function systemDirectory(path: string, version: string): void {
  const files = {
    "boot/vmlinuz": kernelOf(`kernel of ${version} `.repeat(1000)),
    "boot/initrd": initrdOf(`initrd of ${version} `.repeat(1000)),
    "etc/os-release": `VERSION=${version}\n`,
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  for (const name of [...Object.keys(files), "boot", "etc", ""])
    utimesSync(join(path, name), 1000, 1000);
}

/** Opens a directory of this machine as a source. */
export function directorySource(path: string, exclude: readonly string[] = []): Promise<Source> {
  return openSource(`dir:${path}`, {
    architecture: "amd64",
    insecureRegistries: [],
    environment: {},
    userId: 0,
    files: linuxFiles,
    log() {},
    exclude,
  });
}
