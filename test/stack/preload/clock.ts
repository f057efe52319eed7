/**
 * Loaded into a worker process before the app (`--import`): its clock is wrong by TEST_CLOCK_OFFSET_MS milliseconds, as a
 * machine's may be.
 */
const offsetMs = Number(process.env.TEST_CLOCK_OFFSET_MS ?? 0);
const RealDate = Date;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, asked) =>
    Reflect.construct(target, given.length === 0 ? [RealDate.now() + offsetMs] : given, asked),
  apply: () => new RealDate(RealDate.now() + offsetMs).toString(),
  get: (target, name) => {
    const member: unknown = Reflect.get(target, name);
    return name === "now" ? () => RealDate.now() + offsetMs : member;
  },
});
