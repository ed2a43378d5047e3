/** Whether a device is in use, asked of the kernel. Needs root for the loop device. */
import { expect, test } from "bun:test";
import { openBlockFile } from "../../src/system/linux-block-file.ts";
import { command } from "../peers/command.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

test("a mounted device is refused to those who want it unused, also in another mount namespace", async () => {
  await using folder = await temporaryFolder();
  const image = folder.in("image");
  await command("mke2fs", "-q", "-t", "ext4", image, "8M");
  const device = (await command("losetup", "--find", "--show", image)).trim();
  try {
    openBlockFile(device, { write: true, unused: true }).close();
    // The mount ends with the namespace, and that with its last process.
    const elsewhere = Bun.spawn(
      ["unshare", "--mount", "sh", "-c", `mount ${device} /mnt && echo mounted && read -r end`],
      { stdin: "pipe", stdout: "pipe" },
    );
    const said = await elsewhere.stdout.getReader().read();
    expect(new TextDecoder().decode(said.value)).toBe("mounted\n");
    const open = (): void => openBlockFile(device, { write: true, unused: true }).close();
    expect(open).toThrow(`Cannot open ${device}: it is in use`);
    openBlockFile(device, { write: false }).close();
    elsewhere.kill();
    await elsewhere.exited;
    expect(open).not.toThrow();
  } finally {
    await command("losetup", "--detach", device);
  }
});
