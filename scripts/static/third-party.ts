/** The notices for the binary: each part that others wrote, its version, its licence, and how to replace it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Libraries } from "./libraries.ts";

const ROOT = join(import.meta.dir, "../..");
/** The folders of Debian, then of Fedora and Arch. */
const GLIBC_LICENCES = [
  ["/usr/share/doc/libc6/copyright", "/usr/share/common-licenses/LGPL-2.1"],
  ["/usr/share/licenses/glibc/COPYING.LIB", "/usr/share/licenses/glibc/LICENSES"],
  ["/usr/share/licenses/glibc/COPYING.LIB"],
] as const;
const RULE = "=".repeat(80);

interface Contents {
  /** The source files in the binary, from the bundler's list. */
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

/** Each licence, and the parts of Bun under it for Linux. Bun's packages contain no licence text, so it is written here. */
const BUN_PARTS: Readonly<Record<string, string>> = {
  "LGPL 2 or 2.1": "JavaScriptCore and parts of WebKit's WebCore, tinycc",
  "Apache 2.0":
    "highway, simdutf, uSockets, uWebSockets, parts of TigerBeetle; LLVM's libc++abi (with its exception)",
  "BSD, 2 or 3 clauses": "libbase64, libspng, libwebp, lol-html, zstd, parts of lsquic",
  MIT: "brotli, c-ares, esbuild (ported), libdeflate, ls-hpack, ls-qpack, lsquic, mimalloc, picohttpparser, uucode, polyfills of Node's modules",
  zlib: "zlib-ng",
  "their own or several": "BoringSSL, ICU, libarchive, libjpeg-turbo",
};

function bunNotice(version: string): string {
  const tag = `bun-v${version.split("+")[0]}`;
  const parts = Object.entries(BUN_PARTS).map(([licence, names]) => `  ${licence}: ${names}\n`);
  return `Bun ${version}

The binary is Bun's, with tandem's program in it. Bun is under the MIT licence and links statically to parts under others:

${parts.join("")}
The licence texts lie with the sources of Bun and of these parts; where each is, and how to relink Bun to a changed JavaScriptCore:
https://github.com/oven-sh/bun/blob/${tag}/LICENSE.md. To use another Bun, put it in node_modules/.bin and run "make build":
scripts/build.ts carries the Bun that runs it, of the version that package.json names.
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
