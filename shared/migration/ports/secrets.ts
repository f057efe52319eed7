/** Secrets that operators keep outside the endpoint's file. */
export interface SecretStore {
  /**
   * The current value of a secret: never log or store it. Repeatable.
   * @throws MigrationError `mailbox` if there is no such secret, or no store; `fatal` if the application may not read it;
   * `transient` or `throttled` otherwise.
   */
  get(name: string): Promise<string>;
  /**
   * Makes a new value the current one. Repeatable.
   * @throws MigrationError `mailbox` if the application may not write it; otherwise as `get` does.
   */
  set(name: string, value: string): Promise<void>;
}
