import type { Ending } from "../boot/bootloader.ts";
import type { SlotReport, Status } from "../verdict/status.ts";

/** "known bad", the longest label but "slot recovery", which many disks do not have. */
const LABEL_WIDTH = 9;
const HISTORY_SHOWN = 8;
/** tandem why shows all of them. */
const LINES_SHOWN = 5;

/** A label and its text. Lines below it have the label "". */
type Row = readonly [label: string, text: string];

/** The status on one screen. `ending` comes from the boot loader. */
export function statusText(status: Status, ending: Ending): string {
  const rows: readonly Row[] = [
    ["disk", status.disk],
    ["loader", `${status.loader.name} (${status.loader.seen})`],
    ["booted", bootedText(status)],
    ...confirmedRows(status),
    ["next", status.noSystem ? installText(status) : nextText(status, ending)],
    ...status.problems.map((problem): Row => ["problem", problem]),
    ...status.slots.flatMap((slot) => slotRows(slot)),
    ...fallRows(status),
    ...status.knownBad.map(({ digest, reason, at }): Row => [
      "known bad",
      `${digest}: ${reason} (${at})`,
    ]),
  ];
  const width = Math.max(LABEL_WIDTH, ...rows.map(([label]) => label.length));
  return [
    ...rows.map(([label, text]) => `${label.padEnd(width)} ${text}`),
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
    ...(uncounted ? ["not counted: the boot loader cannot write its count"] : []),
  ];
  return notes.length === 0 ? booted : `${booted} (${notes.join("; ")})`;
}

function confirmedRows({ confirmedBy }: Status): Row[] {
  return confirmedBy === undefined
    ? []
    : [["confirmed", `by ${confirmedBy} alone: no hook of tandem checks a boot`]];
}

function installText({ disk }: Status): string {
  return `nothing: no system yet; tandem upgrade --disk ${disk} --source IMAGE installs the first one`;
}

function nextText({ record, next }: Status, { withoutRecord, usedUp }: Ending): string {
  if (record === undefined) return `${withoutRecord}: both copies of the boot record are lost`;
  const { good, limit, last } = record;
  const menu = usedUp(good);
  if (next === undefined) return menu;
  const end = last === undefined ? menu : `slot ${last}`;
  const goodText =
    limit === 0 ? `slot ${good}` : `slot ${good} (${limit} time(s) without a verdict, then ${end})`;
  switch (next.role) {
    case "trial":
      return `slot ${next.slot} on trial (${next.left} tries left), then ${goodText}`;
    case "good":
      return next.left === undefined
        ? `slot ${next.slot}`
        : `slot ${next.slot} (${next.left} time(s) without a verdict, then ${end})`;
    case "other":
      return `slot ${next.slot} (${next.left} time(s) without a verdict, then ${end}), since slot ${good} was given up`;
    case "last":
      return `slot ${next.slot}, since slot ${good} was given up`;
  }
}

function fallRows({ fall }: Status): Row[] {
  if (fall === undefined) return [];
  const lines = (fall.output ?? fall.kernel ?? "").split("\n").filter(Boolean);
  return [
    ["fell", `slot ${fall.slot} at ${fall.at}: ${fall.reason}`],
    ...lines.slice(-LINES_SHOWN).map((line): Row => ["", `| ${line}`]),
    ["", "tandem why shows more"],
  ];
}

function slotRows(slot: SlotReport): Row[] {
  const { role, booted, status, version, digest, source, writtenAt, verifiedAt, verdict, reason } =
    slot;
  const marks = [role, ...(booted ? ["booted"] : []), status];
  const verified = verifiedAt === undefined ? "NOT verified" : `verified ${verifiedAt}`;
  const below = [
    ...(digest === undefined ? [] : [digest]),
    ...(source === undefined ? [] : [`from ${source}`]),
    ...(writtenAt === undefined ? [] : [`written ${writtenAt}, ${verified}`]),
    ...(verdict === undefined ? [] : [`${verdict}: ${reason}`]),
  ];
  return [
    [`slot ${slot.slot}`, `${marks.join(", ")}${version === undefined ? "" : `: ${version}`}`],
    ...below.map((text): Row => ["", text]),
  ];
}
