import { GraphError } from "./errors.ts";
import { canonicalPropertyId } from "./extended-properties.ts";
import type { StoredMessage } from "./mailbox.ts";
import { extendedValue, type MessageItem } from "./message-item.ts";
import type { Filter, Literal, Operator, Order } from "./odata.ts";

type Predicate = (item: MessageItem) => boolean;

const comparable: Readonly<Record<string, (item: MessageItem) => Literal>> = {
  isRead: (item) => item.isRead,
  isDraft: (item) => item.isDraft,
  hasAttachments: (item) => item.attachments.some((attachment) => !attachment.isInline),
  importance: (item) => item.properties.importance,
  subject: (item) => item.properties.subject,
  internetMessageId: (item) => item.internetMessageId,
  receivedDateTime: (item) => item.receivedAt,
  sentDateTime: (item) => item.sentAt,
  createdDateTime: (item) => item.createdAt,
  lastModifiedDateTime: (item) => item.modifiedAt,
  "flag/flagStatus": (item) => String(item.properties.flag.flagStatus),
  "from/emailAddress/address": (item) => item.properties.from?.address ?? null,
};

function unsupported(message: string): GraphError {
  return new GraphError(400, "ErrorInvalidUrlQueryFilter", message);
}

/** @throws GraphError 400 for what Graph cannot filter messages by. */
export function messagePredicate(filter: Filter): Predicate {
  switch (filter.kind) {
    case "and": {
      const terms = filter.terms.map(messagePredicate);
      return (item) => terms.every((term) => term(item));
    }
    case "or": {
      const terms = filter.terms.map(messagePredicate);
      return (item) => terms.some((term) => term(item));
    }
    case "not": {
      const term = messagePredicate(filter.term);
      return (item) => !term(item);
    }
    case "any":
      return anyPredicate(filter.path, filter.variable, filter.condition);
    case "compare": {
      const read = readerOf(filter.path);
      const value = filter.path.endsWith("DateTime") ? Date.parse(String(filter.value)) : filter.value;
      return (item) => compare(read(item), filter.operator, value);
    }
    case "call": {
      const read = readerOf(filter.path);
      return (item) => textTest(filter.name, read(item), filter.value);
    }
  }
}

function readerOf(path: string): (item: MessageItem) => Literal {
  const reader = comparable[path];
  if (reader === undefined)
    throw new GraphError(400, "ErrorInvalidProperty", `The property '${path}' does not support filtering.`);
  return reader;
}

function anyPredicate(path: string, variable: string, condition: Filter): Predicate {
  if (path === "categories" && condition.kind === "compare" && condition.path === variable)
    return (item) =>
      item.properties.categories.some((category) => compare(category, condition.operator, condition.value));
  if (path.toLowerCase() === "singlevalueextendedproperties")
    return extendedPropertyPredicate(variable, condition);
  throw unsupported(`The collection '${path}' cannot be filtered.`);
}

/**
 * learn.microsoft.com/graph/api/singlevaluelegacyextendedproperty-get: eq on the id, and eq, ne, contains or
 * startswith on the value of a string. Names are case-sensitive, values are not.
 */
function extendedPropertyPredicate(variable: string, condition: Filter): Predicate {
  const terms = condition.kind === "and" ? condition.terms : [condition];
  let id: string | undefined;
  const tests: ((value: string) => boolean)[] = [];
  for (const term of terms) {
    if (
      term.kind === "compare" &&
      term.path === `${variable}/id` &&
      term.operator === "eq" &&
      id === undefined
    )
      id = canonicalPropertyId(String(term.value));
    else if (term.kind === "compare" && term.path === `${variable}/value`)
      tests.push((value) => compare(value, term.operator, term.value));
    else if (term.kind === "call" && term.path === `${variable}/value`)
      tests.push((value) => textTest(term.name, value, term.value));
    else throw unsupported("An extended property is filtered by its id and its value.");
  }
  if (id === undefined || tests.length === 0)
    throw unsupported("A filter on extended properties needs an eq on the id and a condition on the value.");
  if (!id.startsWith("String "))
    throw unsupported(
      "Only values of type String can be filtered without a cast, which is not supported here.",
    );
  const wanted = id;
  return (item) => {
    const value = extendedValue(item, wanted);
    return value !== undefined && tests.every((test) => test(value));
  };
}

function compare(actual: Literal, operator: Operator, expected: Literal): boolean {
  const [left, right] =
    typeof actual === "string" && typeof expected === "string"
      ? [actual.toLowerCase(), expected.toLowerCase()]
      : [actual, expected];
  if (operator === "eq") return left === right;
  if (operator === "ne") return left !== right;
  if (left === null || right === null || typeof left !== typeof right) return false;
  switch (operator) {
    case "gt":
      return left > right;
    case "ge":
      return left >= right;
    case "lt":
      return left < right;
    case "le":
      return left <= right;
  }
}

function textTest(name: string, actual: Literal, expected: Literal): boolean {
  if (typeof actual !== "string" || typeof expected !== "string") return false;
  const value = actual.toLowerCase();
  const part = expected.toLowerCase();
  if (name === "startswith") return value.startsWith(part);
  if (name === "contains") return value.includes(part);
  return value.endsWith(part);
}

/** Newest first, as Graph lists messages when nothing else is asked for. */
export const newestFirst: readonly Order[] = [{ path: "receivedDateTime", descending: true }];

export function messageComparator(orders: readonly Order[]): (a: StoredMessage, b: StoredMessage) => number {
  const keys = orders.map((order) => ({ read: readerOf(order.path), sign: order.descending ? -1 : 1 }));
  return (a, b) => {
    for (const { read, sign } of keys) {
      const left = read(a.item);
      const right = read(b.item);
      if (left === right) continue;
      if (left === null) return -sign;
      if (right === null) return sign;
      return left < right ? -sign : sign;
    }
    return 0;
  };
}

/**
 * learn.microsoft.com/graph/api/user-list-messages, "Using filter and orderby in the same query": what is sorted by
 * must be filtered by too, in the same order and before everything else.
 */
export function requireEfficientOrder(filter: Filter, orders: readonly Order[]): void {
  const filtered = [...new Set(filteredPaths(filter))];
  if (!orders.every((order, index) => filtered[index] === order.path))
    throw new GraphError(
      400,
      "InefficientFilter",
      "The restriction or sort order is too complex for this operation.",
    );
}

function* filteredPaths(filter: Filter): Iterable<string> {
  switch (filter.kind) {
    case "and":
    case "or":
      for (const term of filter.terms) yield* filteredPaths(term);
      return;
    case "not":
      yield* filteredPaths(filter.term);
      return;
    default:
      yield filter.path;
  }
}
