import { ServerResponse } from "node:http";

/** Has this process tell another time, its HTTP servers included. @param offsetMs asked each time: milliseconds by which it is late. */
export function shiftDate(offsetMs: () => number): void {
  const RealDate = Date;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given, asked) =>
      Reflect.construct(target, given.length === 0 ? [RealDate.now() + offsetMs()] : given, asked),
    apply: () => new RealDate(RealDate.now() + offsetMs()).toString(),
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      return name === "now" ? () => RealDate.now() + offsetMs() : member;
    },
  });
  // Node writes a header Date by a clock of its own where a server writes none.
  Object.defineProperty(ServerResponse.prototype, "sendDate", { get: () => false, set: () => undefined });
}
