/** skopeo: copies images between registries, layouts and archives. */
import { command } from "./command.ts";

export interface SkopeoOptions {
  /** "user:password" for the source registry. */
  readonly sourceLogin?: string;
  readonly targetLogin?: string;
  /** More flags, such as `--dest-compress-format=zstd`. */
  readonly flags?: readonly string[];
}

/**
 * Copies `source` to `target`, such as "oci:FOLDER:TAG" or "docker://127.0.0.1:5000/name:tag". Accepts any certificate.
 */
export async function skopeoCopy(
  source: string,
  target: string,
  { sourceLogin, targetLogin, flags = [] }: SkopeoOptions = {},
): Promise<void> {
  await command(
    "skopeo",
    "--insecure-policy",
    "copy",
    "--quiet",
    "--all",
    ...(source.startsWith("docker:") ? ["--src-tls-verify=false"] : []),
    ...(target.startsWith("docker:") ? ["--dest-tls-verify=false"] : []),
    ...(sourceLogin === undefined ? [] : [`--src-creds=${sourceLogin}`]),
    ...(targetLogin === undefined ? [] : [`--dest-creds=${targetLogin}`]),
    ...flags,
    source,
    target,
  );
}
