/** The reason why a file system cannot be read. openFileSystem() turns it into a TandemError. */
export class BadFileSystem extends Error {}
