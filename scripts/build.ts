/**
 * Builds the binary: `bun scripts/build.ts [release]` makes dist/tandem and dist/THIRD-PARTY. `release` adds the compressed
 * binary and the checksums. Equal sources, Bun and glibc give equal bytes on any machine at any time.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

import type { BuildInfo } from "../src/lib/build-info.ts";
import { release } from "./release.ts";
import { readLibraries } from "./static/libraries.ts";
import { originOf } from "./static/origin.ts";
import { pack } from "./static/pack.ts";
import { compileStub } from "./static/stub.ts";
import { thirdParty } from "./static/third-party.ts";

const ROOT = join(import.meta.dir, "..");
const TANDEM = {
  entrypoints: ["src/main.ts", "src/write/worker.ts", "src/write/hasher.ts"].map((path) =>
    join(ROOT, path),
  ),
  outfile: join(ROOT, "dist/tandem"),
};

interface Program {
  /**
   * The program, then the files of the workers. The binary holds all of them in one folder, each under its last path
   * component, and the program's own code is in this folder, too. So `new Worker(new URL("./worker.ts", import.meta.url).href)`
   * finds "worker.ts" from any module, and no two entry points may have the same name.
   */
  readonly entrypoints: readonly string[];
  readonly outfile: string;
}

/** Makes the binary, which needs no library of the host, and THIRD-PARTY beside it. */
export async function build(program: Program): Promise<void> {
  const carried = readLibraries();
  const stub = compileStub();
  const origin = originOf(carried.glibcVersion);
  const folder = mkdtempSync(join(tmpdir(), "tandem-build-"));
  try {
    // The compiled program contains the name of the output, so this name must not change.
    const compiled = join(folder, basename(program.outfile));
    const sources = await compile({ ...program, outfile: compiled }, origin);
    const elf = { name: basename(program.outfile), bytes: readFileSync(compiled) };
    const packed = pack({ program: elf, stub, carried });
    mkdirSync(dirname(program.outfile), { recursive: true });
    rmSync(program.outfile, { force: true }); // It may be running.
    writeFileSync(program.outfile, packed);
    chmodSync(program.outfile, 0o755);
    const notices = thirdParty({ sources, carried, bun: origin.bun });
    writeFileSync(join(dirname(program.outfile), "THIRD-PARTY"), notices);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Compiles with Bun. The result still needs the host's C library. Returns the source files in it. */
export async function compile(program: Program, origin: BuildInfo): Promise<string[]> {
  const { metafile } = await Bun.build({
    entrypoints: [...program.entrypoints],
    target: "bun",
    minify: true,
    // Modules of import() are loaded when they are needed, and nothing is parsed at start. This takes 6 ms instead of 32 for
    // the version, and 18 ms instead of 36 for the help.
    splitting: true,
    bytecode: true,
    format: "esm",
    sourcemap: "none",
    metafile: true,
    // Every entry point in one folder; see Program.
    naming: "[name].[ext]",
    // The binary contains nothing of the build environment.
    env: "disable",
    define: {
      BUILD_INFO: JSON.stringify(origin),
      "process.env.NODE_ENV": JSON.stringify("production"),
    },
    compile: {
      target: "bun-linux-x64-baseline",
      // The Bun that runs this. The package holds one binary for all x86-64 processors from SSE4.2 on.
      executablePath: process.execPath,
      outfile: program.outfile,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  return Object.keys(metafile?.inputs ?? {});
}

if (import.meta.main) {
  // The bundler names the parts of the program after their paths from this folder.
  process.chdir(ROOT);
  await build(TANDEM);
  if (process.argv[2] === "release") release(TANDEM.outfile);
}
