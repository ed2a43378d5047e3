/**
 * Runs a command in a private network with only a registry and a name server. The registry is
 * registry.test:5000, with TLS when it has a certificate. The name server gives every name the address NAMED.
 *
 * This file has both sides: atSite() starts it again in new namespaces, where main() sets up the servers.
 */
import { pushImage, type Image } from "../peers/image.ts";
import { startRegistry } from "../peers/registry.ts";
import { startNames } from "./probe/names.ts";

export const REGISTRY = "registry.test:5000";
/** The repository of the image. The tag is that of the image. */
export const NAME = "os/guest";

export interface Site {
  readonly images: readonly Image[];
  /** The paths of files in PEM form. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** The address that the name server gives for every name. */
  readonly address: string;
}

/** Runs a command in the network, and returns its output on both streams. Throws when it fails. */
export async function atSite(site: Site, words: readonly string[]): Promise<string> {
  const namespaces = ["--user", "--map-root-user", "--mount", "--net", "--pid", "--fork"];
  const setup = ["sh", "-ec", 'ip link set lo up && exec "$0" "$@"', process.execPath];
  const child = Bun.spawn(
    ["unshare", ...namespaces, ...setup, import.meta.path, JSON.stringify(site), ...words],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
    },
  );
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (status !== 0) throw new Error(`Cannot run ${words.join(" ")}: ${status}, ${stderr}${stdout}`);
  return stdout;
}

async function main([text = "", ...words]: readonly string[]): Promise<void> {
  const site = JSON.parse(text) as Site;
  const http = { addr: "127.0.0.1:5000", ...(site.tls === undefined ? {} : { tls: site.tls }) };
  await using registry = await startRegistry({ config: { http } });
  for (const image of site.images)
    await pushImage(image, { host: registry.host, name: `${NAME}:${image.tag}` });
  const names = await startNames(site.address);
  const child = Bun.spawn([...words], { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  process.exitCode = await child.exited;
  names.close();
}

if (import.meta.main) await main(process.argv.slice(2));
