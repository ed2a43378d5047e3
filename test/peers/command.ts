/** Runs a program to its end and returns what it wrote to stdout; throws with its stderr when it fails. */
export async function command(...words: readonly string[]): Promise<string> {
  return (await commandBytes(...words)).toString("utf8");
}

export async function commandBytes(...words: readonly string[]): Promise<Buffer> {
  const child = Bun.spawn([...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    // Without this a child gets the original environment of this process, not the one that forgetHost() left.
    env: process.env,
  });
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).arrayBuffer(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (status !== 0)
    throw new Error(`Cannot run ${words.join(" ")}: status ${status}, ${stderr.trim()}`);
  return Buffer.from(stdout);
}
