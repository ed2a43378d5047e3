/** The configuration of a Kairos machine, without what nobody else may know. */
import { readConfigFiles } from "../kairos/config.ts";
import { type ConfigMap, type ConfigTree, isList, isMap } from "../kairos/config-tree.ts";
import type { Secrets } from "../oci/secrets.ts";
import { machineFailure } from "../system/failure.ts";
import type { System } from "../system/system.ts";
import type { Part, PartFile } from "./bundle.ts";
import { isSecretName, REMOVED } from "./redact.ts";

type Reader = Pick<System, "files" | "readLink" | "environment">;

/** Enough to recognize a secret by its start. Each line of a log is compared with every part of what is learned. */
const LEARNED_CHARS = 16;

export function kairosConfigPart(system: Reader): Part {
  return { name: "kairos-config", files: () => configFiles(system) };
}

/**
 * Each file as JSON. In the text of a YAML file a secret may go on over several lines, so a file that cannot be parsed is not
 * shown.
 */
function* configFiles(system: Reader): Generator<PartFile> {
  const all = readConfigFiles(system);
  const lines = all.map(({ path, warning }) => `${warning ?? `read ${path}`}\n`);
  yield { path: "kairos/config.txt", read: () => lines.join("") };
  for (const { path, layer } of all)
    if (layer !== undefined)
      yield { path: `kairos/config${path}.json`, read: () => membersWithoutSecrets(layer) };
}

/** Whatever has the name of a secret is removed, at any depth, and so is what is encoded. */
export function withoutSecrets(tree: ConfigTree): ConfigTree {
  if (isList(tree))
    return tree.map((item, index) => (isSecretItem(tree, index) ? REMOVED : withoutSecrets(item)));
  return isMap(tree) ? membersWithoutSecrets(tree) : tree;
}

function membersWithoutSecrets(map: ConfigMap): ConfigMap {
  return Object.fromEntries(
    Object.entries(map).map(([name, value]) => [
      name,
      isSecretMember(map, name) ? REMOVED : withoutSecrets(value),
    ]),
  );
}

/** Adds the secrets of the configuration: they are removed wherever they occur, also in logs. */
export function learnKairosSecrets(system: Reader, secrets: Secrets): void {
  for (const text of secretsIn(system))
    for (const line of text.split("\n")) secrets.learnSecret(line.trim().slice(0, LEARNED_CHARS));
}

/** None where the configuration cannot be read: the part about it says why. */
function secretsIn(system: Reader): readonly string[] {
  try {
    return readConfigFiles(system).flatMap(({ layer }) => (layer ? secretTexts(layer, false) : []));
  } catch (error) {
    if (machineFailure(error) === undefined) throw error;
    return [];
  }
}

function secretTexts(tree: ConfigTree, isSecret: boolean): readonly string[] {
  if (isList(tree))
    return tree.flatMap((item, index) => secretTexts(item, isSecret || isSecretItem(tree, index)));
  if (isMap(tree))
    return Object.entries(tree).flatMap(([name, value]) =>
      secretTexts(value, isSecret || isSecretName(name)),
    );
  return isSecret && (typeof tree === "string" || typeof tree === "number") ? [`${tree}`] : [];
}

/** The content of a file that a stage writes may be encoded, so that nothing in it could be recognized. */
function isSecretMember(map: ConfigMap, name: string): boolean {
  const isEncoded = name === "content" && (map["encoding"] ?? "") !== "";
  return isEncoded || isSecretName(name);
}

/** Arguments of a program: ["--token", "secret"]. */
function isSecretItem(list: readonly ConfigTree[], index: number): boolean {
  const before = list[index - 1];
  return typeof before === "string" && /^--?[^\s=]+$/.test(before) && isSecretName(before);
}
