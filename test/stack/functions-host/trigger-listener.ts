/** The listening side of triggers. */
export interface TriggerListener {
  /** Begins to listen. Called once. */
  start(): Promise<void>;
  /** Takes no new work; what is locked stays so. */
  drain?(): void;
  /** Takes no new work, and resolves when what runs is done and settled. */
  stop(): Promise<void>;
}
