/** What a Kairos machine has besides: what `kairos-agent logs` collects, and the files that its boot menu reads. */
import { TandemError } from "../lib/error.ts";
import { readKairosConfig } from "../kairos/config.ts";
import { type ConfigTree, isList, valueAt } from "../kairos/config-tree.ts";
import type { System } from "../system/system.ts";
import type { Part, PartFile } from "./bundle.ts";
import { readJournal } from "./journal.ts";

const RELEASE = "/etc/kairos-release";
const UNITS = [
  ..."kairos-agent kairos-installer kairos-webui".split(" "),
  ..."boot fs network reconcile".split(" ").map((stage) => `cos-setup-${stage}`),
  ..."k3s k3s-agent k0scontroller k0sworker".split(" "),
];
const LOGS = ["/var/log/kairos/*.log", "/var/log/*.log", "/run/immucore/*.log"];
const STATE = "/run/initramfs/cos-state";
const BOOT_FILES = [
  RELEASE,
  "/oem/grubenv",
  "/usr/local/.kairos-state",
  ...["grub2/grub.cfg", "grub/grub.cfg", "grubenv", "grubcustom", "grubmenu", "grub_oem_env"].map(
    (name) => `${STATE}/${name}`,
  ),
  `${STATE}/boot_assessment`,
  `${STATE}/grub_boot_assessment`,
];
/** Folders whose names and sizes tell how far an upgrade or a boot has come. */
const FOLDERS = [`${STATE}/cOS`, `${STATE}/tandem`, "/run/cos", "/run/immucore"];

type Reader = Pick<System, "files" | "readLink" | "environment" | "run" | "durable">;

/** None on a machine without Kairos. */
export function kairosParts(system: Reader): readonly Part[] {
  if (!system.files.exists(RELEASE)) return [];
  return [
    { name: "kairos", files: () => bootFiles(system) },
    { name: "kairos-journal", files: () => journals(system) },
    { name: "kairos-logs", files: () => logs(system) },
  ];
}

function* bootFiles(system: Reader): Generator<PartFile> {
  yield {
    path: "kairos/folders.txt",
    read: () => FOLDERS.map((one) => listing(system, one)).join(""),
  };
  for (const path of BOOT_FILES) if (system.files.exists(path)) yield fileAt(system, path);
}

function listing({ durable }: Reader, folder: string): string {
  const entries = durable.list(folder) ?? [];
  return entries.map(({ name, sizeBytes }) => `${sizeBytes} ${folder}/${name}\n`).join("");
}

/** A unit that the machine does not have has an empty journal. */
async function* journals(system: Reader): AsyncGenerator<PartFile> {
  for (const unit of [...UNITS, ...configured(system, "journal")]) {
    const text = await readJournal(system, unit);
    yield { path: `kairos/journal/${unit}.txt`, read: () => text };
  }
}

function* logs(system: Reader): Generator<PartFile> {
  const patterns = [...LOGS, ...configured(system, "files")];
  for (const path of new Set(patterns.flatMap((pattern) => matching(system, pattern))))
    yield fileAt(system, path);
}

function fileAt({ files }: Reader, path: string): PartFile {
  return {
    path: `kairos${path}`,
    read() {
      const text = files.readText(path);
      if (text !== undefined) return text;
      throw new TandemError("disk", `Cannot read ${path}: there is no such file`);
    },
  };
}

/** A pattern may have "*" in its last name. */
function matching({ files }: Reader, pattern: string): readonly string[] {
  const slash = pattern.lastIndexOf("/");
  const [folder, last] = [pattern.slice(0, slash), pattern.slice(slash + 1)];
  const parts = last.split("*").map((part) => RegExp.escape(part));
  const name = new RegExp(`^${parts.join(".*")}$`);
  return files
    .list(folder)
    .filter((one) => name.test(one))
    .map((one) => `${folder}/${one}`);
}

/** What the configuration adds. A configuration that cannot be read adds nothing: other parts tell of it. */
function configured(system: Reader, key: "journal" | "files"): readonly string[] {
  const list = listIn(system, key);
  return (isList(list) ? list : []).filter((item) => typeof item === "string");
}

function listIn(system: Reader, key: string): ConfigTree | undefined {
  try {
    return valueAt(readKairosConfig(system).values, ["logs", key]);
  } catch {
    return undefined;
  }
}
