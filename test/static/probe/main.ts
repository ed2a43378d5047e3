/** A program that prints facts about its environment, one verb for each fact. It is built and packed like tandem. */
import { dlopen, FFIType } from "bun:ffi";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { rootCertificates } from "node:tls";

import { buildInfo } from "../../../src/lib/build-info.ts";
import greeting from "./greeting.txt" with { type: "text" };
import { addressesOf, fetchFromSelf } from "./network.ts";
import { squares } from "./spawn.ts";

const VERBS: Readonly<Record<string, (...words: string[]) => unknown>> = {
  hello: () => "hello",
  arguments: (...words) => words,
  build: buildInfo,
  text: () => greeting.trim(),
  squares: (count = "1") => squares(Number(count)),
  compute: () => sumOfRoots(1_000_000),
  ffi: () => callGetpid() === process.pid,
  roots: () => rootCertificates.length,
  environment: () => ({ ...process.env }),
  descriptors: () => readdirSync("/proc/self/fd").map(linkOf),
  mapped: () => [
    ...new Set(readFileSync("/proc/self/maps", "utf8").match(/(?<=\s)[/[].*$/gm) ?? []),
  ],
  child: (...words) => {
    const { stdout, stderr, status } = spawnSync(words[0] ?? "", words.slice(1), {
      encoding: "utf8",
      stdio: ["inherit", "pipe", "pipe"], // With other values for stdin Bun opens /dev/null, which may not exist.
    });
    return { stdout, stderr, status };
  },
  executable: () => readlinkSync("/proc/self/exe"),
  addresses: (...names) => addressesOf(names),
  tls: (key = "", cert = "", ca = "") => {
    const [keyText = "", certText = "", ...trusted] = [key, cert, ca]
      .filter((path) => path !== "")
      .map((path) => readFileSync(path, "utf8"));
    return fetchFromSelf({ key: keyText, cert: certText }, trusted);
  },
};

const [verb = "hello", ...words] = process.argv.slice(2);
console.log(JSON.stringify(await VERBS[verb]?.(...words)));

/** Long enough to reach every tier of the compiler, with numbers that use the widest instructions. */
function sumOfRoots(count: number): number {
  let sum = 0;
  for (let index = 0; index < count; index += 1) sum += Math.sqrt(index) * 1.5;
  return Math.round(sum);
}

function callGetpid(): number {
  return dlopen("libc.so.6", { getpid: { args: [], returns: FFIType.i32 } }).symbols.getpid();
}

function linkOf(descriptor: string): string {
  try {
    return `${descriptor} ${readlinkSync(`/proc/self/fd/${descriptor}`)}`;
  } catch {
    return `${descriptor} closed`; // The descriptor that read the folder itself.
  }
}
