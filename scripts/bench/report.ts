/** Prints the results for people: the measurements, and the budgets beside them. */
import { MiB } from "../../src/lib/units.ts";
import type { ReferenceImage } from "../reference-image.ts";
import type { ImageFiles, ImageFileSummary } from "./image-file.ts";
import type { PeerRun } from "./contenders.ts";
import type { Stage } from "./stages.ts";
import type { Binary, Startup } from "./startup.ts";
import { type Budget, type Summary, wholePeerSeconds } from "./summary.ts";

export interface Measured {
  readonly summary: Summary;
  readonly startup: Startup;
  readonly budgets: readonly Budget[];
  /** undefined when the sources were measured. */
  readonly binary: Binary | undefined;
  readonly imageFiles: ImageFiles;
}

/** The measurements of one more image or network. */
export interface CaseSummary {
  readonly name: string;
  readonly image: ReferenceImage;
  readonly summary: Summary;
}

/** Name, value, note. */
type Row = readonly [string, string, string?];

export function printReport({ summary, startup, budgets, binary, imageFiles }: Measured): void {
  const empty = `an empty program takes ${seconds(startup.emptySeconds)}`;
  const rows: Row[] = [
    ...tandemRows(summary),
    ...(summary.peer === undefined ? [] : peerRows(summary.peer)),
    ["floor: fetch, hash, gunzip", seconds(summary.floor), `cpu ${seconds(summary.floorCpu)}`],
    ["  and write, as tandem does", seconds(summary.writingFloor), writingNote(summary)],
    imageFileRow("kairos layout: image file", imageFiles.quiet),
    imageFileRow("  on a busy disk", imageFiles.busy),
    ["device: the same bytes, flush", seconds(summary.device)],
    ["registry, serving tandem", `${summary.registryCpu.toFixed(2)} s cpu`],
    ["tandem --version", seconds(startup.tandemSeconds), empty],
    ["  memory at its start", mib(startup.tandemPeakBytes)],
    ...(binary === undefined
      ? []
      : [
          [
            "binary",
            mib(binary.sizeBytes),
            `${mib(binary.compressedBytes)} under zstd -19`,
          ] as const,
        ]),
  ];
  print(rows);
  console.log("");
  print(budgets.map(budgetRow));
}

/** Compares the floor that writes with the floor, and tandem with the floor that writes. */
function writingNote({ writingFloor, floor, tandemWrite }: Summary): string {
  return `${ratio(writingFloor / floor)} the floor; tandem ${ratio(tandemWrite / writingFloor)} this`;
}

/** The processor time of one thread that runs the stages one after another. */
export function printStages(stages: readonly Stage[]): void {
  console.log("\nstages by themselves, processor time");
  print(stages.map(({ name, seconds: value }) => [`  ${name}`, seconds(value)]));
}

/** A line for each measurement, with the ratios to the other programs of the same rounds. */
export function printCases(cases: readonly CaseSummary[]): void {
  if (cases.length === 0) return;
  const titles = ["write", "/ floor", "/ peer", "read back", "peak memory", "bytes / data"];
  console.log(`\n${"".padEnd(24)}${titles.map((title) => title.padStart(13)).join("")}`);
  for (const { name, image, summary } of cases) {
    const { tandemWrite, tandemReadBack, tandemPeakBytes, tandemBytesWritten, peer } = summary;
    const values = [
      seconds(tandemWrite),
      ratio(tandemWrite / summary.floor),
      peer === undefined ? "" : ratio(tandemWrite / wholePeerSeconds(peer)),
      seconds(tandemReadBack),
      mib(tandemPeakBytes),
      ratio(tandemBytesWritten / image.dataBytes),
    ];
    console.log(`${name.padEnd(24)}${values.map((value) => value.padStart(13)).join("")}`);
  }
}

function tandemRows(summary: Summary): Row[] {
  const phases = Object.entries(summary.tandemPhases).map(
    ([name, value]) => `${name} ${value.toFixed(2)}`,
  );
  const bytes = `tandem says ${mib(summary.tandemBytesWritten)}, the file has ${mib(summary.tandemAllocatedBytes)}`;
  const whole = `whole run ${seconds(summary.tandemWhole)}, cpu ${seconds(summary.tandemCpu)}`;
  return [
    ["tandem write", seconds(summary.tandemWrite), phases.join(", ")],
    ["  and read back", seconds(summary.tandemReadBack), whole],
    ["  bytes to the device", mib(summary.tandemDeviceBytes), bytes],
    ["  peak memory", mib(summary.tandemPeakBytes)],
  ];
}

function peerRows(peer: PeerRun): Row[] {
  const { copySeconds, unpackSeconds, rawUnpackSeconds, syncSeconds } = peer;
  const phases = `copy ${copySeconds.toFixed(2)}, unpack ${unpackSeconds.toFixed(2)}, sync ${syncSeconds.toFixed(2)}`;
  const raw = copySeconds + rawUnpackSeconds + syncSeconds;
  const used = `cpu ${seconds(peer.cpuSeconds)}, peak memory ${mib(peer.peakBytes)}`;
  return [
    ["peer: skopeo, umoci, sync", seconds(wholePeerSeconds(peer)), `${phases}; ${used}`],
    ["  with umoci raw unpack", seconds(raw), "which makes no list of hashes"],
  ];
}

function imageFileRow(name: string, { tandem, loopMount }: ImageFileSummary): Row {
  const own = `with read back, cpu ${seconds(tandem.cpuSeconds)}`;
  const peer =
    loopMount === undefined
      ? "not measured"
      : `${seconds(loopMount.seconds)}, cpu ${seconds(loopMount.cpuSeconds)}`;
  return [name, seconds(tandem.seconds), `${own}; image file by loop mount: ${peer}`];
}

function budgetRow({ what, value, unit, limit, met }: Budget): Row {
  const shown = `${value.toFixed(value < 10 ? 3 : 1)} ${unit}`;
  return [what, shown, `at most ${limit} ${unit}: ${met ? "met" : "NOT MET"}`];
}

function print(rows: readonly Row[]): void {
  for (const [name, value, note = ""] of rows)
    console.log(`${name.padEnd(31)}${value.padStart(12)}   ${note}`.trimEnd());
}

function seconds(value: number): string {
  return `${value.toFixed(value < 0.1 ? 4 : 2)} s`;
}

function ratio(value: number): string {
  return `${value.toFixed(value < 1 ? 3 : 2)} ×`;
}

function mib(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`;
}
