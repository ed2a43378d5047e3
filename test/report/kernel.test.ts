import { expect, test } from "bun:test";
import { kernelParts } from "../../src/report/kernel.ts";
import { memoryFiles } from "../fakes/files.ts";
import { collected } from "./collected.ts";

const FILES = {
  "/proc/cmdline": "ro quiet\n",
  "/proc/self/mountinfo": "1 2 3\n",
  "/proc/partitions": "8 0 sda\n",
  "/proc/version": "Linux 6.1\n",
  "/etc/os-release": "VERSION=1\n",
};

test("each source of the kernel becomes a file", async () => {
  const system = { files: memoryFiles(FILES), kernelLog: () => "[0.0] hello" };
  const { texts, missing } = await collected(kernelParts(system));
  expect(missing).toEqual([]);
  expect(texts).toEqual({
    "cmdline.txt": "ro quiet\n",
    "mountinfo.txt": "1 2 3\n",
    "partitions.txt": "8 0 sda\n",
    "kernel.txt": "Linux 6.1\n",
    "os-release.txt": "VERSION=1\n",
    "dmesg.txt": "[0.0] hello",
  });
});

test("a file that does not exist is named, and so is a log that this user may not read", async () => {
  const { "/etc/os-release": _, ...files } = FILES;
  const denied = Object.assign(new Error("EPERM: operation not permitted"), { code: "EPERM" });
  const system = {
    files: memoryFiles(files),
    kernelLog: () => {
      throw denied;
    },
  };
  const { missing } = await collected(kernelParts(system));
  expect(missing).toEqual([
    "os-release: Cannot read /etc/os-release: there is no such file",
    "dmesg: Cannot read the log of the kernel: EPERM: operation not permitted",
  ]);
});
