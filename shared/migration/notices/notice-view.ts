import type { NoticeView } from "../../domain/api/notices.ts";
import type { BatchName } from "../../domain/names.ts";
import type { NoticeRecord, NoticeStore } from "../ports/notices.ts";
import type { BatchStore } from "../ports/registry.ts";
import { iso, isoOrNull } from "../status/instants.ts";

/** The mails about a batch, newest first; undefined if there is no such batch. Reads only. */
export type ListNotices = (name: BatchName) => Promise<readonly NoticeView[] | undefined>;

export function createNoticeList(parts: {
  readonly batches: Pick<BatchStore, "get">;
  readonly notices: Pick<NoticeStore, "list">;
}): ListNotices {
  return async (name) => {
    const [batch, notices] = await Promise.all([parts.batches.get(name), parts.notices.list(name)]);
    return batch && notices.map(({ value }) => noticeView(value)).sort((a, b) => (a.at < b.at ? 1 : -1));
  };
}

function noticeView(notice: NoticeRecord): NoticeView {
  const { kind, state, at, since, attempts, notBefore, error, covers = [] } = notice;
  return {
    kind,
    state,
    at: iso(at),
    since: iso(since),
    attempts,
    nextAttemptAt: isoOrNull(notBefore),
    error: error ? { code: error.code, message: error.message } : null,
    covers,
  };
}
