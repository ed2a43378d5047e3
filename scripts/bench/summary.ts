/** The medians of the measurements, and the budgets. */
import { MiB } from "../../src/lib/units.ts";
import type { FloorRun, PeerRun, TandemRun } from "./contenders.ts";
import { type Measurement, median } from "./measure.ts";
import type { Startup } from "./startup.ts";

/** The measurements of all programs in one round. */
export interface Round {
  /** The processor time of the registry for one run of tandem. */
  readonly registryCpuSeconds: number;
  readonly tandem: TandemRun;
  /** Undefined for images that the peer does not support. */
  readonly peer: PeerRun | undefined;
  readonly floor: FloorRun;
  readonly writingFloor: FloorRun;
  readonly device: Measurement;
}

/** In seconds, unless the name has another unit. */
export interface Summary {
  /** Without the read back, which no peer does. */
  readonly tandemWrite: number;
  readonly tandemReadBack: number;
  readonly tandemWhole: number;
  readonly tandemPhases: Readonly<Record<string, number>>;
  readonly tandemCpu: number;
  readonly tandemPeakBytes: number;
  readonly tandemDeviceBytes: number;
  readonly tandemBytesWritten: number;
  readonly tandemAllocatedBytes: number;
  readonly peer: PeerRun | undefined;
  readonly floor: number;
  readonly floorCpu: number;
  /**
   * The time of the floor that writes. The extra time comes from the clocks of both programs: at the end the kernel needs some
   * time to free the queues, which tandem has done before it has read back.
   */
  readonly writingFloor: number;
  readonly device: number;
  readonly registryCpu: number;
}

export function summarise(rounds: readonly Round[]): Summary {
  const of = (value: (round: Round) => number): number => median(rounds.map(value));
  const phases = Object.keys(rounds[0]?.tandem.phases ?? {});
  return {
    tandemWrite: of(({ tandem }) => tandem.seconds - (tandem.phases["readBack"] ?? 0)),
    tandemReadBack: of(({ tandem }) => tandem.phases["readBack"] ?? 0),
    tandemWhole: of(({ tandem }) => tandem.seconds),
    tandemPhases: Object.fromEntries(
      phases.map((name) => [name, of(({ tandem }) => tandem.phases[name] ?? 0)]),
    ),
    tandemCpu: of(({ tandem }) => tandem.cpuSeconds),
    tandemPeakBytes: Math.max(...rounds.map(({ tandem }) => tandem.peakBytes)),
    tandemDeviceBytes: of(({ tandem }) => tandem.deviceBytes),
    tandemBytesWritten: of(({ tandem }) => tandem.bytesWritten),
    tandemAllocatedBytes: of(({ tandem }) => tandem.allocatedBytes),
    peer: summarisePeer(rounds.flatMap(({ peer }) => peer ?? [])),
    floor: of(({ floor }) => floor.seconds),
    floorCpu: of(({ floor }) => floor.cpuSeconds),
    writingFloor: of(
      ({ floor, writingFloor }) => floor.seconds + writingFloor.ownSeconds - floor.ownSeconds,
    ),
    device: of(({ device }) => device.seconds),
    registryCpu: of(({ registryCpuSeconds }) => registryCpuSeconds),
  };
}

function summarisePeer(runs: readonly PeerRun[]): PeerRun | undefined {
  if (runs.length === 0) return undefined;
  const of = (value: (run: PeerRun) => number): number => median(runs.map(value));
  return {
    copySeconds: of(({ copySeconds }) => copySeconds),
    unpackSeconds: of(({ unpackSeconds }) => unpackSeconds),
    rawUnpackSeconds: of(({ rawUnpackSeconds }) => rawUnpackSeconds),
    syncSeconds: of(({ syncSeconds }) => syncSeconds),
    cpuSeconds: of(({ cpuSeconds }) => cpuSeconds),
    peakBytes: Math.max(...runs.map(({ peakBytes }) => peakBytes)),
  };
}

/** The time of the peer for the work of tandem's whole write. */
export function wholePeerSeconds({ copySeconds, unpackSeconds, syncSeconds }: PeerRun): number {
  return copySeconds + unpackSeconds + syncSeconds;
}

export interface Budget {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly limit: number;
  readonly met: boolean;
}

/** The budgets of the design. `dataBytes` is the image's data in whole blocks. */
export function budgetsOf(summary: Summary, startup: Startup, dataBytes: number): Budget[] {
  const { tandemWrite, tandemDeviceBytes, tandemBytesWritten, peer } = summary;
  const peerSeconds = peer === undefined ? Number.NaN : wholePeerSeconds(peer);
  const writtenBytes = Math.max(tandemDeviceBytes, tandemBytesWritten);
  const start = startup.tandemSeconds / startup.emptySeconds;
  return judged([
    { what: "whole write / peer's", value: tandemWrite / peerSeconds, limit: 0.2, unit: "×" },
    { what: "whole write / floor", value: tandemWrite / summary.floor, limit: 1.25, unit: "×" },
    { what: "peak memory", value: summary.tandemPeakBytes / MiB, limit: 160, unit: "MiB" },
    { what: "bytes written / image data", value: writtenBytes / dataBytes, limit: 1.03, unit: "×" },
    { what: "start / empty program", value: start, limit: 1.5, unit: "×" },
  ]);
}

/** Without those that cannot be measured here. */
export function judged(budgets: readonly Omit<Budget, "met">[]): Budget[] {
  return budgets
    .filter(({ value }) => !Number.isNaN(value))
    .map((one) => Object.assign(one, { met: one.value <= one.limit }));
}
