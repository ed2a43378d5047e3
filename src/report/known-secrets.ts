import { allSecrets } from "../oci/credentials.ts";
import { Secrets } from "../oci/secrets.ts";
import type { System } from "../system/system.ts";

const SECRET_VARIABLE = /pass|secret|token|credential|_key$|_auth$/i;
/** RFC 3986, 3.2.1, with or without a scheme before it: "user:password@". */
const USERINFO = /(?:^|[\s/"'=,])[^\s/:@"',]*:([^\s/@"',][^\s/"',]*)@/g;

type Knowing = Pick<System, "files" | "environment" | "userId">;

/** The secrets in the environment and the configuration. They are removed wherever they occur, also in logs. */
export function knownSecrets(
  { environment }: Pick<Knowing, "environment">,
  config: object,
): Secrets {
  const secrets = new Secrets();
  for (const [name, value = ""] of Object.entries(environment)) {
    if (SECRET_VARIABLE.test(name)) secrets.learnSecret(value);
    learnUserinfo(secrets, value);
  }
  for (const text of textsIn(config)) learnUserinfo(secrets, text);
  return secrets;
}

/** Adds the passwords and tokens of the credentials' files. Throws `usage` for a file that is named and cannot be used. */
export function learnCredentials({ files, environment, userId }: Knowing, secrets: Secrets): void {
  for (const secret of allSecrets({ files, environment, userId, log() {} }))
    secrets.learnSecret(secret);
}

function learnUserinfo(secrets: Secrets, text: string): void {
  for (const [, password = ""] of text.matchAll(USERINFO)) secrets.learnSecret(password);
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return value instanceof Object ? Object.values(value).flatMap((one) => textsIn(one)) : [];
}
