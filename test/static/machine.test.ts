/** Runs the packed binary on a minimal machine: a kernel, an initramfs with a static shell, an old processor. */
import { expect, test } from "bun:test";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";

import { guestKernel } from "../e2e/guest-kernel.ts";
import { command } from "../peers/command.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { OPTIONS } from "./bare-machine.ts";
import { PROBE } from "./probe.ts";

const INIT = `#!/bin/busybox sh
say() { echo "seen: $*"; }
say "no proc: $(/probe hello 2>&1)"
/bin/busybox mount -t proc proc /proc
for words in hello "squares 3" compute ffi "child /probe hello"; do say "$words: $(/probe $words 2>&1)"; done
/bin/busybox poweroff -f
`;

test("the binary runs in a bare initramfs on a processor with SSE4.2 and no newer instructions", async () => {
  await using folder = await temporaryFolder();
  await makeInitramfs(folder);
  writeFileSync(folder.in("kernel"), guestKernel().kernel);
  const console = await command(
    ..."timeout 300 qemu-system-x86_64 -accel tcg -cpu Nehalem -m 1024 -nodefaults".split(" "),
    ..."-display none -serial stdio -no-reboot".split(" "),
    "-kernel",
    folder.in("kernel"),
    "-initrd",
    folder.in("initramfs"),
    "-append",
    OPTIONS,
  );
  expect(console.match(/seen: .*(?=\r)/g)).toEqual([
    "seen: no proc: tandem: Cannot start: /proc is not mounted (mount -t proc proc /proc)",
    'seen: hello: "hello"',
    "seen: squares 3: [0,1,4]",
    "seen: compute: 999999250",
    "seen: ffi: true",
    'seen: child /probe hello: {"stdout":"\\"hello\\"\\n","stderr":"","status":0}',
  ]);
}, 400_000);

async function makeInitramfs(folder: TemporaryFolder): Promise<void> {
  for (const name of ["root/bin", "root/proc"]) mkdirSync(folder.in(name), { recursive: true });
  cpSync("/bin/busybox", folder.in("root/bin/busybox"));
  cpSync(PROBE, folder.in("root/probe"));
  writeFileSync(folder.in("root/init"), INIT, { mode: 0o755 });
  const script = 'cd "$0/root" && find . | cpio --quiet -o -H newc > "$0/initramfs"';
  await command("sh", "-ec", script, folder.path);
}
