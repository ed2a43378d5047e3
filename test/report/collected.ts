import { Secrets } from "../../src/oci/secrets.ts";
import { Bundle, type Part } from "../../src/report/bundle.ts";
import { Redactor } from "../../src/report/redact.ts";

/** What parts collect: their texts by path, and a line for what is missing. */
export async function collected(
  parts: readonly Part[],
): Promise<{ readonly texts: Readonly<Record<string, string>>; readonly missing: string[] }> {
  const bundle = new Bundle(new Redactor(new Secrets()), new AbortController().signal);
  for (const part of parts) await bundle.collect(part);
  const files = bundle.files.filter(({ path }) => path !== "missing.txt");
  return {
    texts: Object.fromEntries(files.map(({ path, text }) => [path, text])),
    missing: bundle.missing.map(({ name, reason }) => `${name}: ${reason}`),
  };
}
