/** What became of an outage. */
export interface Row {
  readonly connection: string;
  readonly outageSeconds: number;
  /** In the middle of it the app said what was away. */
  readonly shownAway: boolean;
  /** From the end of the outage to the first messages copied. */
  readonly goesOnAfterSeconds: number;
  /** From the end of the outage until every mailbox of the batch was done. */
  readonly allSyncedAfterSeconds: number;
  readonly lost: number;
  readonly twice: number;
  readonly stuck: number;
  readonly deferred: number;
  readonly deadLetters: number;
  readonly deaths: number;
}
