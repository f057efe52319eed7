/** Text of each test of a target mailbox, by its id. */
export interface TargetTestRecords {
  /** @returns undefined if there is none. @throws MigrationError */
  read(id: string): Promise<string | undefined>;
  /** Replaces it as a whole; repeatable. @throws MigrationError */
  write(id: string, text: string): Promise<void>;
}
