/**
 * The scenarios of all loaders with the menu of Kairos and a hook that gives verdicts. A letter is an image file: after
 * an upgrade the new one is active, and the one before it passive.
 */
import { expect, test } from "bun:test";
import { blockMemory } from "../../../src/control/block-memory.ts";
import { armTrial, disarm } from "../../../src/control/decide.ts";
import { Memory } from "../../../src/control/memory.ts";
import { emptyState, withSlot, withVerdict } from "../../../src/control/state.ts";
import { MiB } from "../../../src/lib/units.ts";
import { recordOf, type Machine } from "../../../src/machine/machine.ts";
import { parseCmdline } from "../../../src/slot/cmdline.ts";
import { markBad, markGood, recordFall } from "../../../src/verdict/mark.ts";
import { WRITTEN } from "../../control/written-slot.ts";
import { memorySystem, NO_ESP } from "../../fakes/machine.ts";
import { PagedImage } from "../../fakes/paged-image.ts";
import { SCENARIOS } from "../scenarios.ts";
import { KairosMachine } from "./kairos-machine.ts";
import { settledOn } from "./records.ts";

type Letter = "a" | "b";
type Role = "active" | "passive";
const TRIES = 2;
const GOOD = { result: "good", reason: "it ran", at: "2026-11-22T12:00:00.000Z" } as const;
const SLOT = { sizeBytes: MiB, address: {}, label: "COS" };

class Story {
  readonly #files = new KairosMachine({ givesVerdicts: true });
  readonly #memory = new Memory(blockMemory(PagedImage.zeros(MiB).file()));
  readonly #limit: number;
  /** false: a system that dies, dies before the hook begins. */
  readonly #isRepaired: boolean;
  #roles: Record<Role, Letter> = { active: "a", passive: "b" };
  #running: Letter = "a";

  constructor(limit: number, isRepaired: boolean) {
    this.#limit = limit;
    this.#isRepaired = isRepaired;
  }

  async begin(): Promise<void> {
    const state = withSlot(emptyState(), "active", WRITTEN);
    await this.#memory.writeState(withVerdict(state, "active", GOOD));
    const first = settledOn("active", { limit: this.#limit, last: undefined });
    await this.#files.open().commit(first);
    this.#files.boot();
  }

  /** GRUB starts a system, and the stock stage clears the assessment. */
  boot(): Letter {
    const started = this.#files.boot().entry === "cos" ? "active" : "passive";
    this.#files.clear();
    this.#running = this.#roles[started];
    return this.#running;
  }

  async do(action: string): Promise<void> {
    if (this.#isRepaired || action !== "dies") await this.#files.open().repair();
    const machine = this.#machine();
    switch (action.split(" v")[0]) {
      case "dies":
        return;
      case "fails":
        await recordFall(machine);
        return;
      case "is well":
      case "mark good":
        await markGood(machine, undefined, "it is well");
        return;
      case "mark bad":
        await markBad(machine, undefined, "by hand");
        return;
      case "roll back":
        await this.#rollBack(machine);
        return;
      case "upgrade":
        await this.#upgrade(machine);
        return;
      case undefined:
      default:
        expect.unreachable(action);
    }
  }

  async #rollBack(machine: Machine): Promise<void> {
    await recordFall(machine);
    const record = recordOf(machine);
    const other = record.good === "active" ? "passive" : "active";
    const next = record.trial === undefined ? armTrial(record, other, TRIES) : disarm(record);
    await machine.loader.commit(next);
  }

  /** As the layout has it: the trial is armed, and the new image takes the place of the active one. */
  async #upgrade(machine: Machine): Promise<void> {
    await recordFall(machine);
    if (recordOf(machine).trial !== undefined)
      await machine.loader.commit(disarm(recordOf(machine)));
    const { slots } = this.#memory.state;
    const old = machine.booted === "active" ? slots.active : slots.passive;
    const { last, ...record } = recordOf(machine);
    const good = {
      ...record,
      good: "passive",
      last: last === "passive" ? undefined : last,
    } as const;
    await machine.loader.commit(armTrial(good, "active", TRIES));
    const swapped = withSlot(this.#memory.state, "passive", old);
    await this.#memory.writeState(withSlot(swapped, "active", WRITTEN));
    const fresh = this.#running === "a" ? "b" : "a";
    this.#roles = { active: fresh, passive: this.#running };
  }

  #machine(): Machine {
    const { loaderData, summary, ...loader } = this.#files.open();
    const booted = this.#roles.active === this.#running ? "active" : "passive";
    return {
      system: memorySystem(),
      diskPath: "disk",
      slots: { active: SLOT, passive: SLOT },
      booted,
      bootedBy: "mount",
      cmdline: { ...parseCmdline(this.#files.cmdline), ...summary },
      loaderData,
      memory: this.#memory,
      loader,
      loaderSeen: "it is in memory",
      staging: undefined,
      esp: NO_ESP,
      limit: this.#limit,
      openSlot: () => expect.unreachable(),
      close() {},
    };
  }
}

for (const isRepaired of [true, false])
  test.each([...SCENARIOS])(
    `kairos, ${isRepaired ? "with" : "without"} a repair in each boot: $name`,
    async ({ limit = 0, sentences, instead }) => {
      const wanted = instead?.kairos ?? sentences;
      const story = new Story(limit, isRepaired);
      await story.begin();
      const seen: string[] = [];
      for (const sentence of wanted) {
        const [, slot, action = sentence] = /^(a|b): (.*)$/.exec(sentence) ?? [];
        seen.push(slot === undefined ? sentence : `${story.boot()}: ${action}`);
        await story.do(action);
      }
      expect(seen).toEqual([...wanted]);
    },
  );
