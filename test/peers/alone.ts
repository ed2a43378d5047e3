/**
 * What programs of tests, demo and benchmarks learn of the machine they run on: where its programs are. Credentials, configuration,
 * proxies and certificates of whoever runs them must not decide how they end.
 */
const NOWHERE = "/nonexistent";

/** The environment of a program that sees nothing of its host. */
export const ALONE: Readonly<Record<string, string>> = {
  PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`,
  HOME: NOWHERE,
  // Named, so that nobody looks into /run/containers.
  XDG_RUNTIME_DIR: `${NOWHERE}/run`,
  XDG_CONFIG_HOME: `${NOWHERE}/config`,
};

const HOST =
  /^(?:XDG_|DOCKER_|REGISTRY_|CONTAINERS_|SSL_|BUN_|NODE_|TANDEM_(?:DISK|TRIES|LIMIT|JOBS|INSECURE_REGISTRIES)$)|_proxy$/i;

/** Makes this process, and what it starts with its own environment, as blind. */
export function forgetHost(): void {
  for (const name of Object.keys(process.env)) if (HOST.test(name)) delete process.env[name];
  Object.assign(process.env, ALONE);
}
