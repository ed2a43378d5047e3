/** Runs a tool and gives its output. Throws with everything it said when it fails. */
export function command(argv: readonly string[], input?: Uint8Array): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...argv], {
    stdin: input ?? "ignore",
    // sgdisk and mkfs live there, and a user's path often does without.
    env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" },
  });
  if (exitCode === 0) return stdout.toString();
  throw new Error(
    `Cannot run ${argv.join(" ")}: status ${exitCode}: ${stdout.toString()}${stderr.toString()}`,
  );
}
