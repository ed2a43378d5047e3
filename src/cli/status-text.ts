import type { SlotReport, Status } from "../upgrade/status.ts";

const HISTORY_SHOWN = 8;

/** The status on one screen. */
export function statusText(status: Status): string {
  return [
    `disk      ${status.disk}`,
    `booted    ${bootedText(status)}`,
    `next      ${nextText(status)}`,
    ...status.problems.map((problem) => `problem   ${problem}`),
    ...status.slots.flatMap((slot) => slotLines(slot)),
    ...status.knownBad.map(({ digest, reason, at }) => `known bad ${digest}: ${reason} (${at})`),
    ...(status.history.length === 0 ? [] : ["history"]),
    ...status.history
      .slice(-HISTORY_SHOWN)
      .map(
        ({ at, kind, slot, text }) =>
          `  ${at}  ${kind}${slot === undefined ? "" : ` ${slot}`}: ${text}`,
      ),
  ].join("\n");
}

function bootedText({ booted, record, left, fell, uncounted }: Status): string {
  if (booted === undefined) return "not from this disk";
  const notes = [
    ...(booted === record?.trial ? [`on trial, ${left ?? "unknown"} tries left`] : []),
    ...(fell === undefined ? [] : [`after slot ${fell} was given up`]),
    ...(uncounted ? ["not counted: the boot loader cannot write its scratch file"] : []),
  ];
  return notes.length === 0 ? booted : `${booted} (${notes.join("; ")})`;
}

function nextText({ record }: Status): string {
  if (record === undefined)
    return "the slot named when the disk was made: both copies of the boot record are lost";
  const { good, trial, tries, limit, last } = record;
  const end = last === undefined ? "the menu" : `slot ${last}`;
  const after =
    limit === 0 ? `slot ${good}` : `slot ${good} (${limit} time(s) without a verdict, then ${end})`;
  return trial === undefined ? after : `slot ${trial} on trial (${tries} tries), then ${after}`;
}

function slotLines(slot: SlotReport): string[] {
  const { role, booted, status, version, digest, source, writtenAt, verifiedAt, verdict, reason } =
    slot;
  const marks = [role, ...(booted ? ["booted"] : []), status];
  return [
    `${`slot ${slot.slot}`.padEnd(9)} ${marks.join(", ")}${version === undefined ? "" : `: ${version}`}`,
    ...(digest === undefined ? [] : [`          ${digest}`]),
    ...(source === undefined ? [] : [`          from ${source}`]),
    ...(writtenAt === undefined
      ? []
      : [
          `          written ${writtenAt}, ${verifiedAt === undefined ? "NOT verified" : `verified ${verifiedAt}`}`,
        ]),
    ...(verdict === undefined ? [] : [`          ${verdict}: ${reason}`]),
  ];
}
