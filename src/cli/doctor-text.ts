import type { Diagnosis } from "../doctor/doctor.ts";

/** The repairs, then a line for each finding. A finding that is not ok is followed by its advice. */
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
