/** A system the application depends on, as far as it can be asked whether it is there. */
export interface Probed {
  /**
   * Asks for something that the application needs and that changes nothing. Repeatable.
   * @throws MigrationError `fatal` or `mailbox` for what a person has to mend, else `transient` or `throttled`.
   */
  probe(): Promise<void>;
}
