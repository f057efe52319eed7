/** Commands that change nothing at a server, whatever they are given (RFC 9051, 6; RFC 2087; RFC 2971). */
const harmless =
  /^(CAPABILITY|NOOP|ID|LOGIN|AUTHENTICATE|ENABLE|NAMESPACE|LIST|LSUB|STATUS|EXAMINE|UNSELECT|LOGOUT|GETQUOTAROOT|(UID )?SEARCH)\b/i;
const fetch = /^(UID )?FETCH\b/i;
/** What sets \Seen unless it is asked for by PEEK (RFC 9051, 6.4.5; RFC 3501, 6.4.5). */
const marksAsSeen = /\b(BODY|BINARY)\[|\bRFC822(\.TEXT)?(?![.\w])/i;

/**
 * Those of the commands of a client that may change something: all but those that are known not to.
 * @param commands lines without tags; lines that go on with a literal or with a SASL exchange are commands of their own.
 */
export function changingCommands(commands: readonly string[]): readonly string[] {
  return commands.filter((command, index) => {
    if (harmless.test(command)) return false;
    if (fetch.test(command)) return marksAsSeen.test(command);
    return !/^AUTHENTICATE\b/i.test(commands[index - 1] ?? "");
  });
}
