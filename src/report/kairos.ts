/** What a Kairos machine has besides: what `kairos-agent logs` collects, and what explains a boot there. */
import { readKairosConfig } from "../kairos/config.ts";
import { hostFolder } from "../slot/kairos/host-folder.ts";
import { type ConfigTree, isList, valueAt } from "../kairos/config-tree.ts";
import { hasKairos } from "../slot/kairos/places.ts";
import type { System } from "../system/system.ts";
import type { Part, PartFile } from "./bundle.ts";
import { tailOf } from "./file-tail.ts";
import { readJournal } from "./journal.ts";
import { kairosConfigPart } from "./kairos-config.ts";
import { kairosPartitionParts } from "./kairos-partitions.ts";

const RELEASE = "/etc/kairos-release";
const UNITS = [
  ..."kairos-agent kairos-installer kairos-webui".split(" "),
  ..."boot fs network reconcile".split(" ").map((stage) => `cos-setup-${stage}`),
  ..."k3s k3s-agent k0scontroller k0sworker".split(" "),
];
const LOGS = ["/var/log/kairos/*.log", "/var/log/*.log", "/run/immucore/*.log"];
/** A pattern of an operator may match a whole disk. */
const LOGS_MAX = 100;
/** How this boot went, and what upgrades have left: /run/cos has marks such as `upgrade_failure`. */
const RUN = ["/run/cos/*", RELEASE, "/usr/local/.kairos-state"];

/** None on a machine without Kairos. `disk` is the disk that is named. */
export function kairosParts(system: System, disk: string | undefined): readonly Part[] {
  if (!isKairos(system, disk)) return [];
  return [
    ...kairosPartitionParts(system, disk),
    { name: "kairos-run", files: () => tails(system, RUN) },
    kairosConfigPart(system),
    { name: "kairos-journal", files: () => journals(system) },
    { name: "kairos-logs", files: () => tails(system, [...LOGS, ...configured(system, "files")]) },
  ];
}

/** The machine, or the disk that is named. A bug in the search must not stop the report: other parts meet it again. */
function isKairos(system: System, disk: string | undefined): boolean {
  try {
    return system.files.exists(`${hostFolder(system)}${RELEASE}`) || hasKairos(system, disk);
  } catch {
    return false;
  }
}

/** A unit that the machine does not have has an empty journal. */
async function* journals(system: System): AsyncGenerator<PartFile> {
  for (const unit of new Set([...UNITS, ...configured(system, "journal")])) {
    const text = await readJournal(system, unit);
    yield { path: `kairos/journal/${unit}.txt`, read: () => text };
  }
}

function* tails(system: System, patterns: readonly string[]): Generator<PartFile> {
  const host = hostFolder(system);
  const paths = new Set(patterns.flatMap((pattern) => matching(system, `${host}${pattern}`)));
  for (const path of [...paths].slice(0, LOGS_MAX))
    yield { path: `kairos${path.slice(host.length)}`, read: () => tailOf(system, path) };
}

/** The files that a pattern matches. Each name in it may have "*" and "?". */
function matching({ files }: Pick<System, "files">, pattern: string): readonly string[] {
  const names = pattern.split("/").filter((name) => name !== "");
  const found = names.reduce<readonly string[]>(
    (folders, name) => folders.flatMap((folder) => matchesIn({ files }, folder, name)),
    [""],
  );
  return found.filter((path) => files.kind(path) === "a file");
}

function matchesIn({ files }: Pick<System, "files">, folder: string, name: string): string[] {
  const path = `${folder}/${name}`;
  if (!/[*?]/.test(name)) return files.exists(path) ? [path] : [];
  const source = name.split(/([*?])/).map((part) => WILDCARDS[part] ?? RegExp.escape(part));
  const whole = new RegExp(`^${source.join("")}$`);
  // The root folder has no name of its own here.
  return files
    .list(folder === "" ? "/" : folder)
    .filter((one) => whole.test(one))
    .map((one) => `${folder}/${one}`);
}

const WILDCARDS: Readonly<Record<string, string>> = { "*": ".*", "?": "." };

/** What the configuration adds. A configuration that cannot be read adds nothing: other parts tell of it. */
function configured(system: System, key: "journal" | "files"): readonly string[] {
  const list = listIn(system, key);
  return (isList(list) ? list : []).filter((item) => typeof item === "string");
}

function listIn(system: System, key: string): ConfigTree | undefined {
  try {
    return valueAt(readKairosConfig(system).values, ["logs", key]);
  } catch {
    return undefined;
  }
}
