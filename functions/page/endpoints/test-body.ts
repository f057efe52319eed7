/** What a test is told of a login; undefined where none is tried. An endpoint with tokens of its own needs no password. Pure. */
export function testBodyOf({ userName, password }: { userName: string; password: string }) {
  if (userName.trim() === "") return undefined;
  return password === "" ? { userName } : { userName, password };
}
