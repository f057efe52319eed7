/** When the janitor began its last sweep, for all processes. Ages are told by the store's clock: those of processes differ. */
export interface SweepRecord {
  /** Milliseconds since the last sweep began; undefined if there was none. @throws MigrationError */
  age(): Promise<number | undefined>;
  /**
   * Records a sweep that begins now.
   * @returns false if one began less than `minAgeMs` ago, or another process was faster: of two at once one gets true.
   * @throws MigrationError
   */
  begin(minAgeMs: number): Promise<boolean>;
}
