import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MinHeap } from "../../stack/service-bus/min-heap.ts";
import { Queue, type QueueSettings, type SessionLock } from "../../stack/service-bus/queue.ts";

const minute = 60_000;

function setUp(settings: QueueSettings = {}) {
  let now = 1_000_000;
  const queue = new Queue<string>("queue", { lockDurationMs: minute, ...settings }, () => now);
  return {
    queue,
    now: () => now,
    pass(ms: number) {
      now += ms;
    },
    send(
      content: string,
      options: { id?: string; session?: string; ttlMs?: number; notBefore?: number } = {},
    ) {
      const [sequenceNumber = 0] = queue.send([
        {
          messageId: options.id ?? content,
          sessionId: options.session,
          ttlMs: options.ttlMs,
          notBefore: options.notBefore,
          content,
        },
      ]);
      return sequenceNumber;
    },
  };
}

const ignore = () => undefined;

function receive<Content>(queue: Queue<Content>, session?: SessionLock) {
  const message = queue.lockNext(session);
  if (!message) throw new Error("There is no message.");
  return message;
}

describe("a message lock", () => {
  test("holds until its end and not longer", () => {
    const { queue, pass, send } = setUp();
    send("a");
    const { token } = receive(queue).lock;

    pass(minute - 1);
    expect(queue.lockNext()).toBeUndefined();
    expect(queue.counts()).toMatchObject({ active: 0, locked: 1 });
    pass(1);
    expect(queue.counts()).toMatchObject({ active: 1, locked: 0 });
    expect(() => queue.complete(token)).toThrow(
      expect.objectContaining({ condition: "com.microsoft:message-lock-lost" }),
    );
    expect(receive(queue).deliveryCount).toBe(1);
  });

  test("counts from its renewal", () => {
    const { queue, now, pass, send } = setUp();
    send("a");
    const { token } = receive(queue).lock;

    pass(minute - 1);
    expect(queue.renewLock(token)).toBe(now() + minute);
    pass(minute - 1);
    queue.complete(token);
    expect(queue.counts()).toMatchObject({ active: 0, locked: 0 });
  });

  test("settles once", () => {
    const { queue, send } = setUp();
    send("a");
    const { token } = receive(queue).lock;
    queue.complete(token);

    expect(() => queue.abandon(token)).toThrow(
      expect.objectContaining({ condition: "com.microsoft:message-lock-lost" }),
    );
  });

  test("counts towards the maximum of deliveries when it ends, not when it is released", () => {
    const { queue, pass, send } = setUp({ maxDeliveryCount: 2 });
    send("a");
    for (let delivery = 0; delivery < 5; delivery += 1) queue.release(receive(queue).lock.token);
    for (let delivery = 0; delivery < 2; delivery += 1) {
      receive(queue);
      pass(minute);
    }

    expect(queue.counts()).toMatchObject({ active: 0, locked: 0, deadLetter: 1 });
    expect(queue.deadLetters?.peek(0, 1)[0]?.properties).toMatchObject({
      DeadLetterReason: "MaxDeliveryCountExceeded",
    });
  });

  test("of a dead letter never dead-letters it", () => {
    const { queue, send } = setUp({ maxDeliveryCount: 1 });
    send("a");
    queue.deadLetter(receive(queue).lock.token, {});
    const { deadLetters } = queue;
    if (!deadLetters) throw new Error("A queue has dead letters.");

    for (let delivery = 0; delivery < 20; delivery += 1) deadLetters.abandon(receive(deadLetters).lock.token);
    expect(() => deadLetters.deadLetter(receive(deadLetters).lock.token, {})).toThrow(
      expect.objectContaining({ condition: "amqp:not-allowed" }),
    );
  });
});

describe("time to live", () => {
  test("does not end while a message is locked", () => {
    const { queue, pass, send } = setUp({ deadLetteringOnExpiration: true });
    send("a", { ttlMs: minute / 2 });
    const { token } = receive(queue).lock;

    pass(minute / 2);
    expect(queue.counts()).toMatchObject({ locked: 1, deadLetter: 0 });
    queue.release(token);
    expect(queue.counts()).toMatchObject({ active: 0, locked: 0, deadLetter: 1 });
  });

  test("begins when a scheduled message becomes active", () => {
    const { queue, now, pass, send } = setUp();
    send("a", { ttlMs: minute, notBefore: now() + minute });

    pass(minute);
    expect(queue.counts()).toMatchObject({ active: 1, scheduled: 0 });
    pass(minute);
    expect(queue.counts()).toMatchObject({ active: 0, deadLetter: 0 });
  });

  test("removes deferred messages, too", () => {
    const { queue, pass, send } = setUp();
    const number = send("a", { ttlMs: minute });
    queue.defer(receive(queue).lock.token);

    pass(minute);
    expect(() => queue.lockDeferred([number])).toThrow(
      expect.objectContaining({ condition: "com.microsoft:message-not-found" }),
    );
  });
});

describe("a scheduled message", () => {
  test("joins the end of the queue when it is due", () => {
    const { queue, now, pass, send } = setUp();
    const scheduled = send("early, but later", { notBefore: now() + minute });
    send("late, but at once");
    pass(minute);

    const contents = queue.peek(0, 10).map((message) => message.content);
    expect(contents).toEqual(["late, but at once", "early, but later"]);
    expect(queue.peek(0, 10)[1]).toMatchObject({ enqueuedSequenceNumber: scheduled, enqueuedAt: now() });
    expect(() => queue.cancelScheduled([scheduled])).toThrow(
      expect.objectContaining({ condition: "com.microsoft:message-not-found" }),
    );
  });

  test("is cancelled with all others of the request or not at all", () => {
    const { queue, now, send } = setUp();
    const number = send("a", { notBefore: now() + minute });

    expect(() => queue.cancelScheduled([number, 99])).toThrow();
    expect(queue.counts().scheduled).toBe(1);
  });

  test("that is due in the past is active at once", () => {
    const { queue, now, send } = setUp();
    send("a", { notBefore: now() });

    expect(queue.counts()).toMatchObject({ active: 1, scheduled: 0 });
  });
});

describe("duplicate detection", () => {
  test("counts its window from the first message, dropped ones do not extend it", () => {
    const { queue, pass, send } = setUp({ duplicateDetectionWindowMs: minute });
    send("first", { id: "id" });
    pass(minute - 1);
    send("second", { id: "id" });
    pass(1);
    send("third", { id: "id" });

    expect(queue.peek(0, 10).map((message) => message.content)).toEqual(["first", "third"]);
  });
});

describe("a session", () => {
  test("is given to the longest waiting of those that have something to receive", () => {
    const { queue, send } = setUp({ requiresSession: true });
    send("1", { session: "a" });
    send("2", { session: "b" });
    const a = queue.acceptNextSession(ignore);
    const b = queue.acceptNextSession(ignore);

    expect([a?.sessionId, b?.sessionId]).toEqual(["a", "b"]);
    expect(queue.acceptNextSession(ignore)).toBeUndefined();
    if (!a || !b) return;
    queue.releaseSession(b);
    queue.releaseSession(a);
    expect(queue.acceptNextSession(ignore)?.sessionId).toBe("b");
  });

  test("with nothing but locked, scheduled or deferred messages is not available", () => {
    const { queue, now, send } = setUp({ requiresSession: true });
    send("deferred", { session: "a" });
    send("scheduled", { session: "a", notBefore: now() + minute });
    const session = queue.acceptSession("a", ignore);
    queue.defer(receive(queue, session).lock.token);
    queue.releaseSession(session);

    expect(queue.acceptNextSession(ignore)).toBeUndefined();
  });

  test("is lost at the end of its lock with all its messages, which count as delivered", () => {
    const { queue, pass, send } = setUp({ requiresSession: true });
    send("1", { session: "a" });
    send("2", { session: "a" });
    let lost = 0;
    const session = queue.acceptSession("a", () => {
      lost += 1;
    });
    const { token } = receive(queue, session).lock;

    pass(minute);
    expect(() => queue.complete(token)).toThrow(
      expect.objectContaining({ condition: "com.microsoft:session-lock-lost" }),
    );
    expect(() => queue.renewSession(session)).toThrow(
      expect.objectContaining({ condition: "com.microsoft:session-lock-lost" }),
    );
    expect(lost).toBe(1);
    const next = queue.acceptNextSession(ignore);
    expect(queue.peek(0, 10).map((message) => message.deliveryCount)).toEqual([1, 0]);
    expect(receive(queue, next).content).toBe("1");
  });

  test("given up late does not take it from the next holder", () => {
    const { queue, pass } = setUp({ requiresSession: true });
    const first = queue.acceptSession("a", ignore);
    pass(minute);
    queue.acceptSession("a", ignore);
    queue.releaseSession(first);

    expect(() => queue.acceptSession("a", ignore)).toThrow(
      expect.objectContaining({ condition: "com.microsoft:session-cannot-be-locked" }),
    );
  });

  test("renewed in time takes the locks of its messages along", () => {
    const { queue, now, pass, send } = setUp({ requiresSession: true });
    send("1", { session: "a" });
    const session = queue.acceptSession("a", ignore);
    const { lock } = receive(queue, session);
    pass(minute - 1);
    queue.renewSession(session);
    pass(minute - 1);

    expect(lock.until).toBe(now() + 1);
    queue.complete(lock.token);
    expect(queue.counts()).toMatchObject({ active: 0, locked: 0 });
  });

  test("that a message lacks refuses the whole batch", () => {
    const { queue } = setUp({ requiresSession: true });
    const message = { messageId: "1", ttlMs: undefined, notBefore: undefined, content: "1" };

    expect(() =>
      queue.send([
        { ...message, sessionId: "a" },
        { ...message, sessionId: undefined },
      ]),
    ).toThrow(expect.objectContaining({ condition: "amqp:not-allowed" }));
    expect(queue.counts().active).toBe(0);
  });
});

test("no message is lost, held twice or out of order, whatever receivers do and however long they take", () => {
  const sessions = ["a", "b", "c"];
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("send" as const), session: fc.constantFrom(...sessions) }),
    fc.record({ kind: fc.constant("accept" as const) }),
    fc.record({
      kind: fc.constantFrom("receive", "complete", "abandon", "release", "renew" as const),
      pick: fc.nat(),
    }),
    fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: minute }) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const { queue, pass, send } = setUp({ requiresSession: true, maxDeliveryCount: 1_000 });
      const holders: { lock: SessionLock; tokens: string[]; lastReceived: number }[] = [];
      let sent = 0;
      let completed = 0;
      for (const step of operations) {
        const holder = "pick" in step ? holders[step.pick % Math.max(holders.length, 1)] : undefined;
        if (step.kind === "send") {
          sent += 1;
          send(String(sent), { session: step.session });
        } else if (step.kind === "pass") {
          pass(step.ms);
        } else if (step.kind === "accept") {
          const lock = queue.acceptNextSession(ignore);
          if (lock) holders.push({ lock, tokens: [], lastReceived: 0 });
        } else if (holder) {
          queue.advance();
          if (!holder.lock.held) holders.splice(holders.indexOf(holder), 1);
          else if (step.kind === "receive") {
            const message = queue.lockNext(holder.lock);
            if (message) {
              expect(message.sessionId).toBe(holder.lock.sessionId);
              expect(message.sequenceNumber).toBeGreaterThan(holder.lastReceived);
              holder.lastReceived = message.sequenceNumber;
              holder.tokens.push(message.lock.token);
            }
          } else if (step.kind === "release") queue.releaseSession(holder.lock);
          else if (step.kind === "renew") queue.renewSession(holder.lock);
          else {
            const token = holder.tokens.shift();
            if (token !== undefined && step.kind === "complete") {
              queue.complete(token);
              completed += 1;
            } else if (token !== undefined) {
              queue.abandon(token);
              holder.lastReceived = 0;
            }
          }
        }
        const held = holders.filter(({ lock }) => lock.held).map(({ lock }) => lock.sessionId);
        expect(new Set(held).size).toBe(held.length);
        const { active, locked } = queue.counts();
        expect(active + locked).toBe(sent - completed);
      }
      pass(minute);
      for (let lock = queue.acceptNextSession(ignore); lock; lock = queue.acceptNextSession(ignore)) {
        while (queue.removeNext(lock)) completed += 1;
      }
      expect(completed).toBe(sent);
    }),
  );
});

test("a heap gives its items in the order of their keys", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (keys) => {
      const heap = new MinHeap<number>((key) => key);
      for (const key of keys) heap.push(key);
      const popped = keys.map(() => heap.pop());

      expect(popped).toEqual([...keys].sort((left, right) => left - right));
      expect(heap.first()).toBeUndefined();
    }),
  );
});
