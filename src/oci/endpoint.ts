import type { Reference } from "./reference.ts";

export type Scheme = "https" | "http";

/** Where the API of a registry is. */
export interface Endpoint {
  /** The host in the reference. Credentials are looked up under this name. */
  readonly host: string;
  /** "https://registry-1.docker.io" */
  readonly origin: string;
  /** True for a registry on this machine or in the list of insecure ones: it may use plain HTTP, and redirect to private networks. */
  readonly mayBePlain: boolean;
  /** Hosts that the operator listed as insecure: any certificate will do, and plain HTTP where a host has no TLS. */
  readonly insecureHosts: readonly string[];
}

/** `insecureHosts` holds "host" or "host:port", compared literally. */
export function endpointOf(
  { host }: Pick<Reference, "host">,
  insecureHosts: readonly string[],
  scheme: Scheme = "https",
): Endpoint {
  const apiHost = host === "docker.io" ? "registry-1.docker.io" : host;
  const origin = `${scheme}://${apiHost}`;
  const mayBePlain = insecureHosts.includes(host) || isLoopback(new URL(origin).hostname);
  return { host, origin, mayBePlain, insecureHosts };
}

/** Whether this host is listed as insecure, so that any certificate will do. */
export function takesAnyCertificate(url: URL, { host, origin, insecureHosts }: Endpoint): boolean {
  const isRegistry = url.host === new URL(origin).host;
  return insecureHosts.includes(url.host) || (isRegistry && insecureHosts.includes(host));
}

/** Why a registry may not send the client to `url`, for a token or by a redirect. Undefined when it may. */
export function urlFault(url: URL, endpoint: Endpoint): string | undefined {
  if (url.protocol !== "https:" && url.protocol !== "http:") return `${url.protocol} is not HTTP`;
  if (url.username !== "" || url.password !== "") return "it contains credentials";
  return url.protocol === "http:" ? plainFault(url, endpoint) : privateFault(url, endpoint);
}

function plainFault({ host }: URL, { origin, insecureHosts }: Endpoint): string | undefined {
  const registry = new URL(origin);
  if (registry.protocol === "http:") return undefined;
  if (host === registry.host) return "it is not HTTPS, which the registry uses";
  return insecureHosts.includes(host) ? undefined : "it is not HTTPS";
}

function privateFault({ host, hostname }: URL, endpoint: Endpoint): string | undefined {
  const { origin, mayBePlain, insecureHosts } = endpoint;
  const registry = new URL(origin).hostname;
  const isAllowed = mayBePlain || insecureHosts.includes(host) || isPrivate(registry);
  return isAllowed || hostname === registry || !isPrivate(hostname)
    ? undefined
    : "it is an address of a private network";
}

/** Takes host names in the form of URL: lower case, IPv4 in dotted decimal, IPv6 in brackets and compressed. */
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
  /^\[::ffff:/, // An IPv4 address in IPv6 form: no public host is reached by it.
  /^\[f[cd]/,
  /^\[fe[89ab]/,
];

/** Whether the address is loopback, link-local, unspecified or of a private network. Names are not resolved. */
export function isPrivate(hostname: string): boolean {
  return PRIVATE.some((pattern) => pattern.test(hostname));
}
