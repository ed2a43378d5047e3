import { X509Certificate } from "node:crypto";

import { reasonOf, TandemError } from "../lib/error.ts";
import type { Files } from "./files.ts";

/** Whose certificates are believed. */
export interface Authorities {
  /** In PEM form, one certificate each. Undefined: those that the runtime brings along. */
  readonly certificates: readonly string[] | undefined;
  /** For messages: the places they come from. */
  readonly from: string;
}

export interface AuthoritiesOptions {
  readonly files: Files;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Where systems keep all authorities in one file. The first one with a certificate counts, as in Go and curl. */
const STORES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Gentoo
  "/etc/pki/tls/certs/ca-bundle.crt", // Fedora
  "/etc/ssl/ca-bundle.pem", // openSUSE
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL
  "/etc/ssl/cert.pem", // Alpine
];
/** Where they keep one in each file, in addition, under names that OpenSSL can find. */
const FOLDERS = ["/etc/ssl/certs", "/etc/pki/tls/certs"];
const HASHED = /^[0-9a-f]{8}\.\d+$/;
/** The largest public stores have 300. */
const CERTIFICATES_MAX = 10_000;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * The system's store, or where the system has none the runtime's own authorities. SSL_CERT_FILE and SSL_CERT_DIR name another store, in
 * the place of the system's. NODE_EXTRA_CA_CERTS adds a file to whatever counts. Throws "usage" for a named place without certificates.
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

const OWN = "the authorities that tandem brings along";

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

/** All together, named after those that give what none before them gives. */
function joined(stores: readonly Store[]): Store {
  const certificates = new Set<string>();
  const from = stores.filter((store) => {
    const before = certificates.size;
    for (const certificate of store.certificates) certificates.add(certificate);
    return certificates.size > before;
  });
  return { certificates: [...certificates], from: from.map((store) => store.from).join(" and ") };
}

/** Reads certificates, and judges each only once: most of them are in several files. */
class Reader {
  readonly #files: Files;
  readonly #judged = new Map<string, boolean>();

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

  /** What can be read of a place that may be there. */
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

  /** Those that are whole: one that is not would make the runtime refuse all of them. */
  #certificatesIn(text: string): string[] {
    const found = (text.match(CERTIFICATE) ?? []).slice(0, CERTIFICATES_MAX);
    return found.filter((certificate) => {
      const known = this.#judged.get(certificate) ?? isWhole(certificate);
      this.#judged.set(certificate, known);
      return known;
    });
  }
}

/** A system that is half installed still has other places. */
function ifReadable<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

function isWhole(certificate: string): boolean {
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
