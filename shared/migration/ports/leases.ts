/** A right that one process of all has at a time. It ends by itself a minute after it was taken or renewed. */
export interface Lease {
  /** What the last holder wrote; undefined if nothing. */
  readonly note: string | undefined;
  /** Another minute from now. @throws MigrationError `transient`/`BlobLeaseLost` if it has ended and somebody else took it. */
  renew(): Promise<void>;
  /** Replaces the note; empty text for none. Repeatable. @throws MigrationError as `renew`. */
  write(note: string): Promise<void>;
  /** Gives the right back at once. Repeatable; never throws. */
  release(): Promise<void>;
}

export interface Leases {
  /** @returns undefined while another process has it. @throws MigrationError */
  acquire(name: string): Promise<Lease | undefined>;
}
