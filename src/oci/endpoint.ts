import type { Reference } from "./reference.ts";

/** Where the API of a registry is. */
export interface Endpoint {
  /** As the reference names it; credentials are looked up under it. */
  readonly host: string;
  /** "https://registry-1.docker.io" */
  readonly origin: string;
  /** True for a registry that is on this machine or was named as insecure: its helpers may be as well. */
  readonly trustsPlain: boolean;
  /** Hosts named by the operator, to which no rule of whyNotTo() applies. */
  readonly insecureHosts: readonly string[];
}

/** HTTPS, but plain HTTP for loopback hosts and for hosts named as insecure ("host" or "host:port", exactly as written). */
export function endpointOf(
  { host }: Pick<Reference, "host">,
  insecureHosts: readonly string[],
): Endpoint {
  const apiHost = host === "docker.io" ? "registry-1.docker.io" : host;
  const trustsPlain =
    insecureHosts.includes(host) || isLoopback(new URL(`http://${apiHost}`).hostname);
  return {
    host,
    origin: `${trustsPlain ? "http" : "https"}://${apiHost}`,
    trustsPlain,
    insecureHosts,
  };
}

/** Why a registry may not send us to `url`, for a token or by a redirect; undefined when it may. */
export function whyNotTo(url: URL, endpoint: Endpoint): string | undefined {
  if (url.protocol !== "https:" && url.protocol !== "http:") return `${url.protocol} is not HTTP`;
  if (url.username !== "" || url.password !== "") return "it carries credentials";
  if (endpoint.trustsPlain || endpoint.insecureHosts.includes(url.host)) return undefined;
  if (url.protocol === "http:") return "it is not HTTPS";
  const registry = new URL(endpoint.origin).hostname;
  if (url.hostname !== registry && isPrivate(url.hostname) && !isPrivate(registry))
    return "it is an address of a private network";
  return undefined;
}

/** For host names as URL gives them: lower case, IPv4 in dotted decimal, IPv6 in brackets and compressed. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname) ||
    /^\[::ffff:7f[0-9a-f]{2}:[0-9a-f]+\]$/.test(hostname)
  );
}

const PRIVATE = [
  /^(?:.+\.)?localhost$/,
  /^(?:0|10|127)\.\d+\.\d+\.\d+$/,
  /^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.\d+$/,
  /^169\.254\.\d+\.\d+$/,
  /^172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+$/,
  /^192\.168\.\d+\.\d+$/,
  /^\[::1?\]$/,
  /^\[::ffff:/, // An IPv4 address in disguise: nobody public is reached so.
  /^\[f[cd]/,
  /^\[fe[89ab]/,
];

/** Loopback, link-local, unspecified or of a private network, by the address alone: nothing is resolved. */
export function isPrivate(hostname: string): boolean {
  return PRIVATE.some((pattern) => pattern.test(hostname));
}
