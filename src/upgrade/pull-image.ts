import { basename, dirname } from "node:path";
import { plainImages } from "../boot/image/image-rules.ts";
import { identityOf } from "../ext4/identity.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { jobsFor, sourceOf, type SourceRequest, type Work } from "../machine/open-source.ts";
import { contentOf } from "../write/content.ts";
import { imageFileBytes, imageFit } from "../write/image-size.ts";
import { writeImage } from "../write/write-image.ts";

/** What mke2fs and tandem make in each file system, and what no image has. */
const LOST_FOUND = "lost+found";
/** Copying a large image to a slow stick takes long. */
const COPY_SECONDS = 3600;

export interface PullRequest extends SourceRequest {
  readonly source: string;
  /** The folder that gets the files. It is made when it is missing; what it holds stays. */
  readonly folder: string;
}

/**
 * Unpacks the root file system of an image into a folder. All of the image is checked before a file of it is in the
 * folder: it is written into an image file beside the folder, which is mounted, copied with cp(1), and removed. Needs
 * root, and room for both. Returns the digest.
 */
export async function pullImage(work: Work, request: PullRequest): Promise<string> {
  const { system } = work;
  const where = dirname(system.absolute(request.folder));
  const path = `${where}/.tandem-pull-${basename(system.mounts.ownFolder)}`;
  const source = await sourceOf(work, request.source, request);
  try {
    const content = await contentOf(source, work);
    const freeBytes = system.durable.freeBytes(where);
    system.mounts.allocate(path, imageFileBytes(content, { where, freeBytes, minimumBytes: 0 }));
    const block = system.openBlock(path, { write: true, hold: true });
    try {
      await writeImage({
        ...work,
        content,
        target: { block, path, offsetBytes: 0 },
        identity: {
          uuid: identityOf(content.digest, path),
          label: "pull-image",
          timeSeconds: content.timeSeconds,
        },
        fit: imageFit(content, 0),
        jobs: jobsFor(system, content.parts, undefined),
        cores: system.cores,
        withoutHoles: (root) => plainImages.bootFiles(root),
        inspect() {},
      });
    } finally {
      block.close();
    }
    await copyOut(work, path, request.folder);
    return content.digest;
  } finally {
    source.close();
    remove(work, path);
  }
}

/** cp(1) keeps owners, times, hard links, extended attributes and holes. */
async function copyOut({ system, talk }: Work, path: string, folder: string): Promise<void> {
  const mountPoint = `${system.mounts.ownFolder}/pull-image`;
  const unmount = system.mounts.mountFile(path, mountPoint, { type: "ext4", isReadOnly: true });
  try {
    system.durable.makeFolder(folder);
    const names = system.files.list(mountPoint).filter((name) => name !== LOST_FOUND);
    if (names.length === 0) return;
    talk.progress({ step: `Copying to ${folder}` });
    const from = names.map((name) => `${mountPoint}/${name}`);
    const command = ["cp", "-a", "--", ...from, folder];
    const { status, stderr } = await system.run(command, { deadlineSeconds: COPY_SECONDS });
    if (status !== 0)
      throw new TandemError("disk", `Cannot copy the image to ${folder}: ${stderr.trim()}`);
  } finally {
    unmount();
  }
}

/** The error before is the one to report. */
function remove({ system, talk }: Work, path: string): void {
  try {
    if (system.mounted.stat(path) !== undefined) system.mounted.remove(path);
  } catch (error) {
    talk.warn(`Cannot remove ${path}: ${reasonOf(error)}, continuing`);
  }
}
