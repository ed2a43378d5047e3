/** The notices that go with the binary: every part of it that others wrote, its version, its licence, and how to replace it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Libraries } from "./libraries.ts";

const ROOT = join(import.meta.dir, "../..");
/** Debian and its kin, then the Fedora family and Arch. */
const GLIBC_LICENCES = [
  ["/usr/share/doc/libc6/copyright", "/usr/share/common-licenses/LGPL-2.1"],
  ["/usr/share/licenses/glibc/COPYING.LIB", "/usr/share/licenses/glibc/LICENSES"],
  ["/usr/share/licenses/glibc/COPYING.LIB"],
] as const;
const RULE = "=".repeat(80);

interface Contents {
  /** The source files in the binary, as the bundler lists them. */
  readonly sources: readonly string[];
  readonly carried: Libraries;
  readonly bun: string;
}

export function thirdParty({ sources, carried, bun }: Contents): string {
  const packages = [...new Set(sources.flatMap(packageOf))].toSorted();
  return [glibcNotice(carried), bunNotice(bun), ...packages.map(packageNotice)].join(
    `\n${RULE}\n\n`,
  );
}

/** "@scope/name" of a file in node_modules. */
function packageOf(source: string): string[] {
  const name = /.*\bnode_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1];
  return name === undefined ? [] : [name];
}

function glibcNotice({ loader, libraries, glibcVersion }: Libraries): string {
  const licences = GLIBC_LICENCES.find((paths) => paths.every((path) => existsSync(path)));
  if (licences === undefined)
    throw new Error(
      `Cannot carry glibc: its licence is in none of ${GLIBC_LICENCES.flat().join(", ")}`,
    );
  const digests = [loader, ...libraries].map(
    ({ name, bytes }) =>
      `  ${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}  ${name}\n`,
  );
  return `GNU C Library, ${glibcVersion}

The binary carries these files of it, unmodified, and links to them when it starts. To use others, install them in place of the
system's C library on the machine that builds and run "make build". SHA-256:

${digests.join("")}
${licences.map((path) => readFileSync(path, "utf8")).join("\n")}`;
}

function bunNotice(version: string): string {
  return `Bun ${version}

Bun is under the MIT licence and holds parts under others, among them JavaScriptCore under the LGPL, version 2. The whole list and
how to relink it: https://github.com/oven-sh/bun/blob/bun-v${version.split("+")[0]}/LICENSE.md
`;
}

function packageNotice(name: string): string {
  const folder = join(ROOT, "node_modules", name);
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    readonly version: string;
  };
  const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
  if (licence === undefined)
    throw new Error(`Cannot carry package "${name}": it has no licence file`);
  return `${name} ${version}\n\n${readFileSync(join(folder, licence), "utf8")}`;
}
