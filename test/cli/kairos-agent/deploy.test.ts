import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { defaultConfig } from "../../../src/cli/config.ts";
import { AgentTalk } from "../../../src/cli/kairos-agent/agent-talk.ts";
import { deployImage } from "../../../src/cli/kairos-agent/deploy.ts";
import { translateUpgrade } from "../../../src/cli/kairos-agent/upgrade-request.ts";
import { upgradeConfigOf } from "../../../src/kairos/upgrade-config.ts";
import { linux } from "../../../src/system/linux.ts";
import { systemDirectory } from "../../fakes/directory.ts";
import { makeDiskFile } from "../../fakes/disk-file.ts";
import { rejection } from "../../fakes/source.ts";
import { temporaryFolder, type TemporaryFolder } from "../../peers/temporary-folder.ts";

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
  await makeDiskFile(folder.in("disk.img"));
});
afterAll(() => folder[Symbol.asyncDispose]());

function deploy(source: string) {
  const config = { ...defaultConfig(GLOBALS), disk: folder.in("disk.img") };
  const upgrade = upgradeConfigOf({ upgrade: { system: { source } } });
  const translated = translateUpgrade(linux.files, upgrade, config);
  let text = "";
  const talk = new AgentTalk(linux, { print: (part) => void (text += part), debug: false });
  const work = { system: linux, talk, signal: new AbortController().signal };
  const report = deployImage(work, { translated, config }).finally(() => talk.end());
  return { report, log: () => text };
}
const GLOBALS = { disk: undefined, config: undefined, json: false, debug: false, quiet: false };

test("deployImage() says what it deploys once the image is known", async () => {
  const path = join(folder.path, "system");
  systemDirectory(path, "v2");
  const { report, log } = deploy(`dir:${path}`);
  expect(await report).toMatchObject({ outcome: "upgraded", slot: "b", tries: 1 });
  expect(log()).toContain(
    `INF deploying image ${path} to /run/initramfs/cos-state/cOS/transition.img\n`,
  );
});

test("deployImage() fails in the words of the original when there is no image", async () => {
  const { report, log } = deploy(`dir:${folder.in("none")}`);
  expect(await rejection(report)).toMatchObject({
    code: "source",
    message: expect.stringMatching(
      /^failed initializing spec: failed calculating size: Cannot open/,
    ),
  });
  expect(log()).not.toContain("deploying");
});
