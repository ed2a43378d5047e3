/**
 * The scripts that make GRUB assess and count boots. The stock menu reads /grubcustom on COS_STATE last; it is the place
 * for lines of others, and the lines of others in it stay.
 */
import { describing, FileFault } from "../../system/failure.ts";
import { type EnvFile, replaceFile } from "../grub/env-file.ts";
import assessmentLines from "./assessment-lines.cfg" with { type: "text" };
import assessmentScript from "./assessment.cfg" with { type: "text" };
import bootScript from "./boot.cfg" with { type: "text" };
import countLines from "./count-lines.cfg" with { type: "text" };
import { inTandem, type KairosPlaces, onState } from "./places.ts";

const TEXT_BYTES_MAX = 256 * 1024;
const CUSTOM = "grubcustom";
const ASSESSMENT = "grub_boot_assessment";
const BOOT = "boot.cfg";
/** Where the menu of an installed machine lies on COS_STATE. */
const MENUS = ["grub2/grub.cfg", "grub/grub.cfg"] as const;

/** What GRUB needs to read for a plan. */
export interface ScriptNeeds {
  readonly assessment: boolean;
  readonly count: boolean;
}

/** Whether the installed menu reads /grubcustom. */
export function readsCustom(places: KairosPlaces): boolean {
  return MENUS.some((name) => textOf(onState(places, name)).includes(CUSTOM));
}

/** The files that have to be written, by their path from the root of COS_STATE. */
export function missingScripts(places: KairosPlaces, needs: ScriptNeeds): readonly string[] {
  return changesFor(places, needs).map(({ file }) => file.path.slice(places.state.length));
}

/** Throws "no-space" or "disk". */
export function writeScripts(places: KairosPlaces, needs: ScriptNeeds): void {
  for (const { file, text } of changesFor(places, needs))
    describing(`write ${file.path}`, () => {
      file.files.makeFolder(file.folder);
      replaceFile(file, Buffer.from(text));
    });
}

interface Change {
  readonly file: EnvFile;
  readonly text: string;
}

function changesFor(places: KairosPlaces, needs: ScriptNeeds): Change[] {
  const wanted: Change[] = [];
  const [script, boot] = [onState(places, ASSESSMENT), inTandem(places, BOOT)];
  if (needs.assessment && textOf(script).trim() === "")
    wanted.push({ file: script, text: assessmentScript });
  if (needs.count && textOf(boot) !== bootScript) wanted.push({ file: boot, text: bootScript });
  // Last: a line never reads a script that is not there yet.
  const custom = onState(places, CUSTOM);
  const text = textOf(custom);
  const after = customFor(text, needs);
  return text === after ? wanted : [...wanted, { file: custom, text: after }];
}

function customFor(text: string, needs: ScriptNeeds): string {
  const hasAssessment = codeIn(text).includes(ASSESSMENT);
  const assessed = !needs.assessment || hasAssessment ? text : joined(text, assessmentLines);
  if (!needs.count || assessed.includes(countLines)) return assessed;
  return joined(assessed, countLines);
}

function joined(text: string, lines: string): string {
  return text === "" || text.endsWith("\n") ? text + lines : `${text}\n${lines}`;
}

function codeIn(text: string): string {
  return text.replaceAll(/^\s*#.*$/gm, "");
}

/** Empty without the file. */
function textOf({ path, files }: EnvFile): string {
  return describing(`read ${path}`, () => {
    const stat = files.stat(path);
    if (stat === undefined) return "";
    if (stat.sizeBytes > TEXT_BYTES_MAX)
      throw new FileFault(path, `it has ${stat.sizeBytes} bytes, want at most ${TEXT_BYTES_MAX}`);
    return Buffer.from(files.read(path, 0, stat.sizeBytes)).toString("utf8");
  });
}
