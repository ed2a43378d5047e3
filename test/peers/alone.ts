/**
 * The environment for programs of tests, demo and benchmarks. It has only the PATH of the machine. Credentials,
 * configuration, proxies and certificates of the user must not influence the results.
 */
const NOWHERE = "/nonexistent";

/** The environment of a program that sees nothing of its host. */
export const ALONE: Readonly<Record<string, string>> = {
  PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`,
  HOME: NOWHERE,
  // Set, so that no program reads /run/containers.
  XDG_RUNTIME_DIR: `${NOWHERE}/run`,
  XDG_CONFIG_HOME: `${NOWHERE}/config`,
};

const HOST =
  /^(?:XDG_|DOCKER_|REGISTRY_|CONTAINERS_|SSL_|BUN_|NODE_|TANDEM_(?:DISK|TRIES|LIMIT|JOBS|INSECURE_REGISTRIES)$)|_proxy$/i;

/** Removes everything else from the environment of this process and of the programs that it starts. */
export function forgetHost(): void {
  for (const name of Object.keys(process.env)) if (HOST.test(name)) delete process.env[name];
  Object.assign(process.env, ALONE);
}
