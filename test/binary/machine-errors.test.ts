/** System calls of the binary that fail. Each ends with a message and a status, or is not needed and ignored. */
import { afterAll, expect, test } from "bun:test";
import { FakeRegistry } from "../fakes/registry.ts";
import { fakeImage } from "../fakes/image.ts";
import { ALONE } from "../peers/alone.ts";
import { appliance, ended, forgetTemplate, systemLayer, TANDEM } from "./appliance.ts";

const CASES: readonly (readonly [failure: string, status: number, says: RegExp])[] = [
  ["flock:error=ENOLCK", 8, /^tandem: Cannot lock .*: ENOLCK: flock failed$/m],
  ["lseek:error=EIO:when=2+", 8, /^tandem: Cannot find the size of .*: EIO: lseek failed$/m],
  ["fadvise64:error=EINVAL", 0, /debug: The kernel does not drop what the page cache holds/],
  ["io_setup:error=ENOSYS", 0, /debug: Writing to .* goes through the page cache: ENOSYS/],
  ["io_submit:error=EIO", 0, /debug: /],
  ["setpriority:error=EPERM", 0, /debug: /],
];

test.each(CASES)(
  "a system call that fails (%s) ends with status %i",
  async (failure, status, says) => {
    await using registry = new FakeRegistry();
    await using machine = await appliance();
    registry.putImage(fakeImage({ layers: [systemLayer("2")] }));
    const source = `oci:${registry.host}/ns/app:latest`;
    const call = failure.split(":")[0] ?? "";
    const only = call === "lseek" ? ["-P", machine.disk] : [];
    const strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, ...only];
    const command = ["upgrade", "--debug", "--disk", machine.disk, "--source", source];
    const child = Bun.spawn([...strace, "-e", `inject=${failure}`, TANDEM, ...command], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: ALONE,
    });
    const run = await ended(child);
    expect(run.stderr).toMatch(says);
    expect(run.status).toBe(status);
    expect(run.stderr).not.toContain("bug in tandem");
    expect(await machine.isWhole()).toBe(true);
  },
);

afterAll(forgetTemplate);
