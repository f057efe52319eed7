/** What the API answers, under the names that the page uses. */
export type {
  BatchView,
  ErrorListAnswer,
  HistoryAnswer,
  HistoryEntryView,
  OperationView,
  OptionsView,
  SampleListAnswer,
} from "../../../shared/domain/api/batches.ts";
export type { CheckView, CutoverView, DomainView } from "../../../shared/domain/api/cutover.ts";
export type {
  EndpointListAnswer,
  EndpointUsageView,
  EndpointView,
  ServerConfirmed,
} from "../../../shared/domain/api/endpoints.ts";
export type { ReportListAnswer, UploadCheck } from "../../../shared/domain/api/files.ts";
export type {
  FolderView,
  MailboxDetails,
  MailboxListAnswer,
  MailboxView,
  SkippedItemView,
} from "../../../shared/domain/api/mailboxes.ts";
export type { NoticeView } from "../../../shared/domain/api/notices.ts";
export type { DiscoveryView, EndpointTestView, ListedFolder } from "../../../shared/domain/api/servers.ts";
export type { MeView } from "../../../shared/domain/api/service.ts";
export type {
  BatchVerificationView,
  MailboxVerificationView,
} from "../../../shared/domain/api/verification.ts";
