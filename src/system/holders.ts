interface Held {
  users: number;
  readonly end: () => void;
}

/** What this process has once, however often it asks for it: the last user ends it. */
export class Holders {
  readonly #held = new Map<string, Held>();

  /**
   * Calls `begin` for the first user; it returns how to end, or undefined when it has failed. Returns a function with
   * which this user leaves.
   */
  hold(key: string, begin: () => (() => void) | undefined): (() => void) | undefined {
    const held = this.#held.get(key) ?? this.#begin(key, begin);
    if (held === undefined) return undefined;
    held.users += 1;
    let isUser = true;
    return () => {
      if (!isUser) return;
      isUser = false;
      held.users -= 1;
      if (held.users > 0) return;
      this.#held.delete(key);
      held.end();
    };
  }

  #begin(key: string, begin: () => (() => void) | undefined): Held | undefined {
    const end = begin();
    if (end === undefined) return undefined;
    const held = { users: 0, end };
    this.#held.set(key, held);
    return held;
  }
}
