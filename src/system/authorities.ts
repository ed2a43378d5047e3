import { X509Certificate } from "node:crypto";

import { reasonOf, TandemError } from "../lib/error.ts";
import type { Files } from "./files.ts";

/** The certificate authorities that TLS connections trust. */
export interface Authorities {
  /** One certificate in PEM form each. Undefined: the list inside the runtime. */
  readonly certificates: readonly string[] | undefined;
  /** Names the files and directories of the certificates, for messages. */
  readonly from: string;
}

export interface AuthoritiesOptions {
  readonly files: Files;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Files in which systems keep all authorities. The first one with a certificate counts, as in Go and curl. */
const STORES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Gentoo
  "/etc/pki/tls/certs/ca-bundle.crt", // Fedora
  "/etc/ssl/ca-bundle.pem", // openSUSE
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL
  "/etc/ssl/cert.pem", // Alpine
];
/**
 * Directories in which systems keep one authority a file, under the hashed names of OpenSSL. They are read in addition.
 */
const FOLDERS = ["/etc/ssl/certs", "/etc/pki/tls/certs"];
const HASHED = /^[0-9a-f]{8}\.\d+$/;
/** A limit for input from outside. Large public stores have about 300 certificates. */
const CERTIFICATES_MAX = 10_000;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * Finds the authorities to trust: the system's store, or the runtime's own list on a system without a store.
 * SSL_CERT_FILE and SSL_CERT_DIR replace the system's store. NODE_EXTRA_CA_CERTS adds a file to either. Throws "usage"
 * when one of these variables names a file or directory without certificates.
 */
export function findAuthorities({ files, environment }: AuthoritiesOptions): Authorities {
  const reader = new Reader(files);
  const store = namedStore(reader, environment) ?? systemStore(reader);
  const path = given(environment["NODE_EXTRA_CA_CERTS"]);
  const extra = path === undefined ? [] : [reader.required(path, "NODE_EXTRA_CA_CERTS")];
  if (store !== undefined) return joined([store, ...extra]);
  // Without a store the runtime adds this file by itself.
  return { certificates: undefined, from: [OWN, ...extra.map(({ from }) => from)].join(" and ") };
}

const OWN = "tandem's built-in list of authorities";

interface Store {
  readonly certificates: readonly string[];
  readonly from: string;
}

function namedStore(
  reader: Reader,
  environment: AuthoritiesOptions["environment"],
): Store | undefined {
  const path = given(environment["SSL_CERT_FILE"]);
  const folders = given(environment["SSL_CERT_DIR"])?.split(":").filter(Boolean) ?? [];
  if (path === undefined && folders.length === 0) return undefined;
  return joined([
    ...(path === undefined ? [] : [reader.required(path, "SSL_CERT_FILE")]),
    ...folders.map((folder) => reader.requiredFolder(folder, "SSL_CERT_DIR")),
  ]);
}

function systemStore(reader: Reader): Store | undefined {
  const bundle = STORES.map((path) => reader.optional(path)).find(isFilled);
  const folders = FOLDERS.map((folder) => reader.folder(folder, HASHED));
  const found = [...(bundle === undefined ? [] : [bundle]), ...folders].filter(isFilled);
  return found.length === 0 ? undefined : joined(found);
}

function isFilled({ certificates }: Store): boolean {
  return certificates.length > 0;
}

/** Joins stores without duplicates. `from` names only the stores that add a certificate. */
function joined(stores: readonly Store[]): Store {
  const certificates = new Set<string>();
  const from = stores.filter((store) => {
    const before = certificates.size;
    for (const certificate of store.certificates) certificates.add(certificate);
    return certificates.size > before;
  });
  return { certificates: [...certificates], from: from.map((store) => store.from).join(" and ") };
}

/** Reads certificates. It parses each certificate only once, because most of them are in several files. */
class Reader {
  readonly #files: Files;
  readonly #validity = new Map<string, boolean>();

  constructor(files: Files) {
    this.#files = files;
  }

  required(path: string, variable: string): Store {
    let text: string | undefined;
    try {
      text = this.#files.readText(path);
    } catch (cause) {
      throw unusable(path, variable, reasonOf(cause));
    }
    if (text === undefined) throw unusable(path, variable, "there is no such file");
    const store = { certificates: this.#certificatesIn(text), from: `"${path}"` };
    if (isFilled(store)) return store;
    throw unusable(path, variable, "it holds no certificate in PEM form");
  }

  requiredFolder(path: string, variable: string): Store {
    const store = this.folder(path, /./);
    if (isFilled(store)) return store;
    throw unusable(path, variable, "it is no directory with certificates in PEM form");
  }

  /** Reads a file that may be missing. Ignores errors. */
  optional(path: string): Store {
    const text = ifReadable(() => this.#files.readText(path)) ?? "";
    return { certificates: this.#certificatesIn(text), from: `"${path}"` };
  }

  folder(path: string, names: RegExp): Store {
    const all = ifReadable(() => this.#files.list(path)) ?? [];
    const certificates = all
      .filter((name) => names.test(name))
      .slice(0, CERTIFICATES_MAX)
      .flatMap((name) => this.optional(`${path}/${name}`).certificates);
    return { certificates: [...new Set(certificates)], from: `"${path}"` };
  }

  /** Returns only the valid certificates: the runtime refuses the whole list when one is invalid. */
  #certificatesIn(text: string): string[] {
    const found = (text.match(CERTIFICATE) ?? []).slice(0, CERTIFICATES_MAX);
    return found.filter((certificate) => {
      const valid = this.#validity.get(certificate) ?? isValid(certificate);
      this.#validity.set(certificate, valid);
      return valid;
    });
  }
}

/** Returns undefined on any error: one unreadable file of an incomplete system must not hide the other files. */
function ifReadable<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

function isValid(certificate: string): boolean {
  try {
    return new X509Certificate(certificate).raw.byteLength > 0;
  } catch {
    return false;
  }
}

function unusable(path: string, variable: string, why: string): TandemError {
  return new TandemError("usage", `Cannot read certificates from "${path}" ($${variable}): ${why}`);
}

function given(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
