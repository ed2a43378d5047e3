/** Runs a tool and returns its output. When the tool fails, the error contains all of its output. */
export function command(argv: readonly string[], input?: Uint8Array): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...argv], {
    stdin: input ?? "ignore",
    // sgdisk and mkfs are in these folders, which a user's PATH often lacks.
    env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" },
  });
  if (exitCode === 0) return stdout.toString();
  throw new Error(
    `Cannot run ${argv.join(" ")}: status ${exitCode}: ${stdout.toString()}${stderr.toString()}`,
  );
}
