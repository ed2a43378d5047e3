/** What happens on a machine, as sentences: which slot is booted each time. */
import type { LoaderName } from "../../src/boot/loaders.ts";

export interface Scenario {
  readonly name: string;
  /** Boots of the good slot without a verdict. */
  readonly limit?: number;
  /** "SLOT: EVENT" is a boot of that slot; other sentences happen in the system that runs. Trials have two tries. */
  readonly sentences: readonly string[];
  /** For a loader that cannot do the same. */
  readonly instead?: Readonly<Partial<Record<LoaderName | "kairos", readonly string[]>>>;
}

const TRIED_TWICE = ["upgrade v2", "b: dies", "b: dies"];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "a good slot boots for ever",
    sentences: ["a: is well", "a: dies", "a: fails", "a: is well"],
  },
  {
    name: "a healthy trial stays",
    sentences: ["a: is well", "upgrade v2", "b: is well", "b: dies", "b: dies", "b: dies"],
  },
  {
    name: "a trial that dies gets all its tries",
    sentences: ["a: is well", ...TRIED_TWICE, "a: is well", "a: is well"],
  },
  {
    name: "without a verdict after a fall the good slot boots on",
    sentences: ["a: is well", ...TRIED_TWICE, "a: dies", "a: dies", "a: is well"],
  },
  {
    name: "a trial whose checks fail is given up",
    sentences: ["a: is well", "upgrade v2", "b: fails", "b: fails", "a: is well", "a: is well"],
  },
  {
    name: "a trial may prove itself with its last try",
    sentences: ["a: is well", "upgrade v2", "b: dies", "b: is well", "b: dies", "b: is well"],
  },
  {
    name: "the next upgrade after a fall",
    sentences: ["a: is well", ...TRIED_TWICE, "a: is well", "upgrade v3", "b: is well", "b: dies"],
  },
  {
    name: "back and forth",
    sentences:
      "a: is well/upgrade v2/b: is well/upgrade v3/a: is well/upgrade v4/b: is well/b: dies".split(
        "/",
      ),
  },
  {
    name: "roll back to the old system, which is counted",
    sentences: [
      "a: is well",
      "upgrade v2",
      "b: is well",
      "roll back",
      "a: dies",
      "a: dies",
      "b: is well",
    ],
  },
  {
    name: "roll back, and it stays",
    sentences: ["a: is well", "upgrade v2", "b: is well", "roll back", "a: is well", "a: dies"],
  },
  {
    name: "a pending trial is withdrawn",
    sentences: ["a: is well", "upgrade v2", "roll back", "a: is well", "a: dies"],
  },
  {
    name: "a running trial is withdrawn",
    sentences: ["a: is well", "upgrade v2", "b: dies", "b: fails", "roll back", "a: is well"],
  },
  {
    name: "another upgrade over a pending trial",
    sentences: ["a: is well", "upgrade v2", "upgrade v3", "b: is well", "b: dies"],
  },
  {
    name: "the trial is called bad by hand",
    sentences: ["a: is well", "upgrade v2", "b: dies", "b: fails", "mark bad", "a: is well"],
  },
  {
    name: "the good slot is called bad by hand",
    sentences: ["a: is well", "upgrade v2", "b: is well", "mark bad", "a: is well", "a: dies"],
  },
  {
    name: "the trial is called good by hand",
    sentences: [
      "a: is well",
      "upgrade v2",
      "b: fails",
      "mark good",
      "b: dies",
      "b: dies",
      "b: dies",
    ],
  },
  {
    name: "with a limit a verdict starts the count again",
    limit: 2,
    sentences: ["a: is well", "a: dies", "a: is well", "a: dies", "a: is well"],
  },
  {
    name: "with a limit the good slot is followed by the last one",
    limit: 2,
    sentences: [
      "a: is well",
      "upgrade v2",
      "b: is well",
      "b: dies",
      "b: dies",
      "a: dies",
      "a: dies",
    ],
  },
  {
    name: "the last one proves itself after the good one",
    limit: 2,
    sentences: [
      "a: is well",
      "upgrade v2",
      "b: is well",
      "b: dies",
      "b: dies",
      "a: is well",
      "a: dies",
    ],
  },
  {
    name: "with a limit and no last slot",
    limit: 2,
    sentences: ["a: dies", "a: dies", "menu: dies"],
    instead: {
      "systemd-boot": ["a: dies", "a: dies", "a: dies"],
      kairos: ["a: dies", "a: dies", "a: dies"],
    },
  },
  {
    name: "a trial over a good slot with a limit",
    limit: 2,
    sentences: ["a: is well", ...TRIED_TWICE, "a: is well", "a: dies", "a: is well"],
  },
];
