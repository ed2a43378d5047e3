import { isPrivate } from "../../oci/endpoint.ts";
import { parseReference } from "../../oci/reference.ts";

/**
 * The registries that may be asked over plain HTTP because of the address in `reference`: the original does so for
 * addresses of private networks and for names that end in ".local". Throws "source".
 */
export function plainRegistries(reference: string): readonly string[] {
  const { host } = parseReference(reference);
  const { hostname } = new URL(`http://${host}/`);
  return isPrivate(hostname) || hostname.endsWith(".local") ? [host] : [];
}
