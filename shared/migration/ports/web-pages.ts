export interface WebPage {
  readonly status: number;
  /** Where a redirection leads, as it was sent. */
  readonly location?: string | undefined;
  readonly text: string;
}

export interface WebPages {
  /**
   * GET over HTTPS with a trusted certificate; redirections are not followed. Repeatable.
   * @param addresses where to connect; the name in the URL is not looked up.
   * @returns undefined if there was no answer, a wrong one, one over 64 KiB, or `signal` fired.
   */
  get(url: URL, addresses: readonly string[], signal: AbortSignal): Promise<WebPage | undefined>;
}
