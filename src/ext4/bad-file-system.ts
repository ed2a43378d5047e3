/** Why a file system cannot be read; openFileSystem() makes a TandemError of it. */
export class BadFileSystem extends Error {}
