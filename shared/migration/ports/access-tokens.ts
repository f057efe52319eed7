import type { TokenSource } from "../../domain/endpoint.ts";

/**
 * Gets the access token with which a user's source mailbox is opened by XOAUTH2. Repeatable; a token is kept until
 * shortly before it expires.
 * @param mailboxUser the user whose mail it is, as the server knows the user.
 * @param refused a token that the server has just refused. It is not given again, unless it is so new that another one
 * would be refused as well.
 * @throws MigrationError `mailbox` for what an operator must mend, `transient` or `throttled` otherwise, `fatal` where
 * the application may not read the secrets.
 */
export type AccessTokens = (source: TokenSource, mailboxUser: string, refused?: string) => Promise<string>;
