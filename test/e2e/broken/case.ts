/** Something that is broken in places, and what must become of a mailbox there. */
export interface BrokenCase {
  readonly title: string;
  /** Options of the batch. */
  readonly options?: object;
  start(user: string): Promise<BrokenPlace>;
}

/** A case that is set up. */
export interface BrokenPlace {
  /** Settings of the endpoint. */
  readonly endpoint: object;
  /** Default: the case's own user. */
  readonly userName?: string;
  readonly password: string;
  readonly expected: {
    /** Messages in the target's folders, without its deleted items. */
    readonly copied: number;
    /** Codes of skipped items and of warnings, each with its number. */
    readonly named: Readonly<Record<string, number>>;
  };
  /** Changes what is there between two syncs; as often as there are further syncs. */
  readonly between?: readonly (() => void)[];
  /** How often the broken thing was asked for. */
  tries(): number;
  stop(): Promise<unknown>;
}
