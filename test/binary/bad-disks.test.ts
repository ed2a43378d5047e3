/** Disks that tandem must refuse, and the lock on a disk. */
import { afterAll, expect, test } from "bun:test";
import { closeSync, openSync, writeSync } from "node:fs";
import { MiB } from "../../src/lib/units.ts";
import { fakeImage } from "../fakes/image.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { Random } from "../faults/random.ts";
import { command } from "../peers/command.ts";
import {
  type Appliance,
  appliance,
  ended,
  forgetTemplate,
  spawn,
  systemLayer,
  tandem,
} from "./appliance.ts";

function overwrite(path: string, offsetBytes: number, bytes: Uint8Array): void {
  const fd = openSync(path, "r+");
  writeSync(fd, bytes, 0, bytes.byteLength, offsetBytes);
  closeSync(fd);
}

const junk = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes).fill(0xa5);
const lastSectors = ({ disk }: Appliance): number => Bun.file(disk).size - 40 * 512;

interface Case {
  readonly name: string;
  readonly spoil: (machine: Appliance) => Promise<unknown> | void;
  readonly status: number;
  readonly says: RegExp;
}

const CASES: readonly Case[] = [
  {
    name: "no control partition",
    spoil: ({ disk }) => command("sgdisk", "--change-name=3:other", disk),
    status: 8,
    says: /"tandem-control"/,
  },
  {
    name: "two partitions of one label",
    spoil: ({ disk }) => command("sgdisk", "--change-name=5:tandem-a", disk),
    status: 8,
    says: /partitions 4, 5 all have this label/,
  },
  {
    name: "no partition table that can be trusted",
    spoil: (machine) => {
      overwrite(machine.disk, 512, junk(33 * 512));
      overwrite(machine.disk, lastSectors(machine), junk(40 * 512));
    },
    status: 8,
    says: /primary: .*backup: /,
  },
  {
    name: "both record copies torn",
    spoil: (machine) => {
      overwrite(machine.disk, machine.offsetOf("tandem-control") + 512, junk(512));
      overwrite(machine.disk, machine.offsetOf("tandem-control") + 4096 + 512, junk(512));
    },
    status: 9,
    says: /Cannot read the boot record.*copy 0.*copy 1/,
  },
];

test.each(CASES)("$name is refused with status $status", async ({ spoil, status, says }) => {
  await using registry = new FakeRegistry();
  await using machine = await appliance();
  registry.putImage(fakeImage({ layers: [systemLayer("2")] }));
  await spoil(machine);
  const before = await Bun.file(machine.disk).bytes();
  const source = `oci:${registry.host}/ns/app:latest`;
  const run = await tandem("upgrade", "--disk", machine.disk, "--source", source);
  expect(run).toEqual({ status, stderr: expect.stringMatching(says), stdout: "" });
  expect(Buffer.compare(before, await Bun.file(machine.disk).bytes())).toBe(0);
});

test("garbage in the control partition and no system in any slot: doctor makes the disk new, and upgrade goes on", async () => {
  await using registry = new FakeRegistry();
  await using machine = await appliance();
  registry.putImage(fakeImage({ layers: [systemLayer("2")] }));
  const { disk } = machine;
  overwrite(disk, machine.offsetOf("tandem-control"), junk(MiB));
  overwrite(disk, machine.offsetOf("tandem-a"), junk(4096));
  const upgrade = ["upgrade", "--disk", disk, "--source", `oci:${registry.host}/ns/app:latest`];
  const refused = await tandem(...upgrade);
  expect(refused).toMatchObject({ status: 9, stderr: expect.stringContaining("doctor --fix") });
  const sick = await tandem("doctor", "--disk", disk);
  expect(sick).toMatchObject({
    status: 8,
    stdout: expect.stringMatching(
      /bad +control partition: it is not empty, has no boot record, and no slot holds a system/,
    ),
  });
  const cured = await tandem("doctor", "--fix", "--disk", disk);
  expect(cured).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/repaired +empty the control partition: the disk is new again/),
  });
  expect((await tandem("status", "--disk", disk)).stdout).toContain("no system yet");
  expect((await tandem(...upgrade)).status).toBe(0);
  expect(machine.record()).toMatchObject({ good: "a", trial: undefined });
  expect(await machine.isWhole()).toBe(true);
});

test("with a broken primary partition table the backup is used", async () => {
  await using registry = new FakeRegistry();
  await using machine = await appliance();
  registry.putImage(fakeImage({ layers: [systemLayer("2")] }));
  overwrite(machine.disk, 512, junk(512));
  const source = `oci:${registry.host}/ns/app:latest`;
  expect((await tandem("upgrade", "--disk", machine.disk, "--source", source)).status).toBe(0);
});

test("a second run is refused while the first one works", async () => {
  await using registry = new FakeRegistry();
  await using machine = await appliance();
  const image = fakeImage({ layers: [systemLayer("2")] });
  registry.putImage(image);
  const blob = `/v2/ns/app/blobs/${image.blobs[1]?.digest}`;
  const asked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  registry.script(blob, async (seen) => {
    asked.resolve();
    await goOn.promise;
    return registry.serve(seen);
  });
  const source = `oci:${registry.host}/ns/app:latest`;
  const first = ended(spawn(["upgrade", "--disk", machine.disk, "--source", source]));
  await asked.promise;
  const second = await tandem("rollback", "--disk", machine.disk);
  expect(second).toEqual({
    status: 10,
    stderr: expect.stringContaining("another run"),
    stdout: "",
  });
  expect((await tandem("status", "--disk", machine.disk)).status).toBe(0);
  goOn.resolve();
  expect((await first).status).toBe(0);
});

/** A signal stops tandem at a request to the registry: while it resolves the image, and while it downloads. */
test.each([
  ["the manifest", "/v2/ns/app/manifests/latest"],
  ["a layer", "LAYER"],
] as const)("SIGINT while %s is fetched ends with status 130", async (_, where) => {
  await using registry = new FakeRegistry();
  await using machine = await appliance();
  const random = new Random("big").bytes(65536);
  const image = fakeImage({
    layers: [
      systemLayer("2", [
        { path: "big", data: Buffer.concat(Array.from({ length: 64 }, () => random)) },
      ]),
    ],
  });
  registry.putImage(image);
  const before = machine.record();
  const path = where === "LAYER" ? `/v2/ns/app/blobs/${image.blobs[1]?.digest}` : where;
  const asked = Promise.withResolvers<void>();
  registry.script(path, () => {
    asked.resolve();
    // The server sends half of the layer and then stops: only the signal ends this.
    const body = new ReadableStream<Uint8Array>({
      start: (controller) =>
        controller.enqueue(image.blobs[1]?.bytes.subarray(0, 2 * MiB) ?? random),
    });
    return new Response(body);
  });
  const source = `oci:${registry.host}/ns/app:latest`;
  const child = spawn(["upgrade", "--disk", machine.disk, "--source", source]);
  await asked.promise;
  child.kill("SIGINT");
  const run = await ended(child);
  expect(run.stderr).toMatch(/Stopp(ed|ing)/);
  expect(run.status).toBe(130);
  expect(machine.record()).toEqual(before);
  expect(await machine.isWhole()).toBe(true);
});

afterAll(forgetTemplate);
