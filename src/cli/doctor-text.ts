import type { Diagnosis } from "../doctor/doctor.ts";

/** A line for each finding, with what to do behind those that are not well, and before them what was repaired. */
export function doctorText({ disk, findings, repaired, failed }: Diagnosis): string {
  return [
    `disk      ${disk}`,
    ...repaired.map((what) => `repaired  ${what}`),
    ...failed.map((what) => `failed    ${what}`),
    ...findings.flatMap(({ subject, verdict, text, advice }) => [
      `${verdict.padEnd(9)} ${subject}: ${text}`,
      ...(verdict === "ok" || advice === undefined ? [] : [`          ${advice}`]),
    ]),
  ].join("\n");
}
