import {
  Button,
  DrawerBody,
  DrawerHeader,
  DrawerHeaderTitle,
  Link,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  OverlayDrawer,
} from "@fluentui/react-components";
import { Dismiss20Regular } from "@fluentui/react-icons";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { pathOf, read, send } from "../api/client.ts";
import { type List, mailboxQuery, useMayOperate } from "../api/queries.ts";
import type {
  BatchView,
  FolderView,
  MailboxDetails,
  MailboxVerificationView,
  SkippedItemView,
} from "../api/types.ts";
import { expectedTime } from "../batch/expected-time.ts";
import { reasonOf } from "../batch/reason.ts";
import { Remedy } from "../batch/remedy.tsx";
import { differencesOf } from "../batch/verification-text.ts";
import { rateOf, readyOf } from "../batches/figures.ts";
import { useSay } from "../frame/toasts.tsx";
import { useConfirm } from "../parts/confirm.tsx";
import { Fact } from "../parts/fact.tsx";
import { bytes, count, counted, dateTime } from "../parts/format.ts";
import { useNarrow } from "../parts/media.ts";
import { Progress } from "../parts/progress.tsx";
import { wordsFor } from "../parts/status.ts";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { When } from "../parts/when.tsx";
import { whoIs } from "../parts/who.ts";
import { durationsOf } from "./durations-text.ts";
import { Events } from "./events.tsx";
import { foldersInOrder } from "./folders-in-order.ts";
import { Acts, UndoAndRemove } from "./mailbox-acts.tsx";
import { warningsByRemedy } from "./warnings-by-remedy.ts";

/** Skipped messages of one request. */
const skippedPage = 100;

/** One mailbox, beside the list it is in. */
export default function MailboxDrawer({
  batch,
  id,
  onClose,
}: {
  batch: BatchView;
  id: string;
  onClose: () => void;
}) {
  const { data: mailbox, error, refetch } = useQuery(mailboxQuery(batch.name, id));
  const narrow = useNarrow();
  return (
    <OverlayDrawer
      open
      position="end"
      size={narrow ? "full" : "large"}
      onOpenChange={(_, { open }) => open || onClose()}
      aria-label={mailbox?.emailAddress ?? "Mailbox"}
    >
      <DrawerHeader>
        <DrawerHeaderTitle
          action={
            <Button appearance="subtle" aria-label="Close" icon={<Dismiss20Regular />} onClick={onClose} />
          }
        >
          {mailbox?.emailAddress ?? "Mailbox"}
        </DrawerHeaderTitle>
      </DrawerHeader>
      <DrawerBody className="stack drawer">
        <Trouble error={error} onRetry={refetch} />
        {mailbox === undefined && error === null ? <Waiting /> : null}
        {mailbox ? <Details batch={batch} mailbox={mailbox} onClose={onClose} /> : null}
      </DrawerBody>
    </OverlayDrawer>
  );
}

function Details({
  batch,
  mailbox,
  onClose,
}: {
  batch: BatchView;
  mailbox: MailboxDetails;
  onClose: () => void;
}) {
  const reason = reasonOf(mailbox, Date.now());
  return (
    <>
      <div className="drawer-status">
        <StatusBadge status={mailbox.status} />
        <span className="quiet">
          logs in as <code>{mailbox.userName}</code> at {batch.endpoint}
        </span>
      </div>
      <Acts batch={batch} mailbox={mailbox} />
      {reason && mailbox.error ? (
        <MessageBar intent={mailbox.status === "Failed" ? "error" : "warning"} layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>{mailbox.error.code}</MessageBarTitle>
            {mailbox.error.message} <b>What to do: </b>
            <Remedy code={mailbox.error.code} />
          </MessageBarBody>
        </MessageBar>
      ) : null}
      <Progress
        value={mailbox.percentageComplete}
        label={`${count(mailbox.syncedItemCount)} of ${count(mailbox.totalItemsInSourceMailboxCount)} messages, ${bytes(mailbox.bytesTransferred)} of ${bytes(mailbox.estimatedTotalTransferSize)}`}
      />
      <dl className="facts">
        <Fact name="Started">
          <When at={mailbox.startedAt} full />
        </Fact>
        <Fact name="Last sync">
          <When at={mailbox.lastSyncedAt} full />
        </Fact>
        <Fact name="Next attempt">
          <When at={mailbox.nextAttemptAt} full />
        </Fact>
        <Fact name="Rate">{rateOf(mailbox)}</Fact>
        <Fact name="Ready">{readyOf(mailbox, Date.now())}</Fact>
        <Fact name="Skipped messages">{count(mailbox.skippedItemCount)}</Fact>
        <Fact name="Time">{durationsOf(mailbox.durations)}</Fact>
      </dl>
      {warningsByRemedy(mailbox.warnings).map(({ remedy, warnings }) => (
        <MessageBar key={remedy} intent="warning" layout="multiline">
          <MessageBarBody>
            {warnings.map(({ code, message }) => (
              <div key={code}>
                <MessageBarTitle>{code}</MessageBarTitle>
                {message}
              </div>
            ))}
            {remedy}
          </MessageBarBody>
        </MessageBar>
      ))}
      <h2>Folders</h2>
      {mailbox.folders.length === 0 ? <p className="nothing">The folders are not listed yet.</p> : null}
      {mailbox.folders.length > 0 ? <Folders batch={batch} mailbox={mailbox} /> : null}
      {mailbox.verification ? <Verified found={mailbox.verification} /> : null}
      {mailbox.rehearsal ? <Rehearsed found={mailbox.rehearsal} /> : null}
      {mailbox.undo ? <Undone batch={batch} found={mailbox.undo} /> : null}
      <h2>Skipped messages</h2>
      <Skipped batch={batch} mailbox={mailbox} />
      <Events batch={batch} mailbox={mailbox} />
      <UndoAndRemove batch={batch} mailbox={mailbox} onClose={onClose} />
    </>
  );
}

function Verified({ found }: { found: MailboxVerificationView }) {
  const differences = differencesOf(found);
  return (
    <>
      <h2>Verification</h2>
      {found.error ? (
        <p className="bad">
          {found.error.code}: {found.error.message}
        </p>
      ) : null}
      <p>
        {dateTime(found.at)}: {counted(found.comparedItemCount, "message", "messages")} compared
        {found.sampledItemCount > 0 ? `, ${count(found.sampledItemCount)} of them byte by byte` : ""}.{" "}
        {differences.length === 0 ? "Nothing differs." : null}
      </p>
      {differences.length === 0 ? null : (
        <ul className="reasons">
          {differences.map(({ kind, count: number, byUsers }) => (
            <li key={kind}>
              {wordsFor(kind)}: {counted(number, "message", "messages")}
              {byUsers ? ", done by users" : ""}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Undone({ batch, found }: { batch: BatchView; found: NonNullable<MailboxDetails["undo"]> }) {
  return (
    <>
      <h2>Taken back</h2>
      {found.error ? (
        <p className="bad">
          {found.error.code}: {found.error.message}
        </p>
      ) : null}
      <p>
        {dateTime(found.at)}: {counted(found.removedCount, "copy", "copies")}{" "}
        {found.forGood ? "removed for good" : "moved to Deleted Items"}, {count(found.leftCount)} left.
        {found.inDoubtCount > 0
          ? ` ${counted(found.inDoubtCount, "message", "messages")} may have been written besides.`
          : null}{" "}
        {found.leftCount > 0 ? (
          <Link inline href={`/api/${pathOf`batches/${batch.name}/reports/undo.csv`}`}>
            undo.csv names what was left
          </Link>
        ) : null}
      </p>
    </>
  );
}

function Rehearsed({ found }: { found: NonNullable<MailboxDetails["rehearsal"]> }) {
  return (
    <>
      <h2>Rehearsal</h2>
      <dl className="facts">
        <Fact name="Would be copied">
          {counted(found.itemCount, "message", "messages")}, {bytes(found.bytes)}
        </Fact>
        <Fact name="Time">{expectedTime(found)}</Fact>
        <Fact name="Folders">
          {count(found.folderCount)}, {count(found.foldersLeftOutCount)} left out
        </Fact>
        <Fact name="Messages left out">{count(found.itemsLeftOutCount)}</Fact>
        <Fact name="Larger than 35 MB">{count(found.over35MBCount)}</Fact>
        <Fact name="Too large for any target">{count(found.tooLargeCount)}</Fact>
        {found.fits === null ? null : (
          <Fact name="Room in the target">
            {found.fits ? "Enough" : "Too little: enlarge the mailbox first"}
            {found.targetFreeBytes === null ? null : `, ${bytes(found.targetFreeBytes)} are free`}
          </Fact>
        )}
        {found.adoptableCount + found.ambiguousCount === 0 ? null : (
          <Fact name="There already">
            {count(found.adoptableCount)}, {count(found.ambiguousCount)} in doubt
          </Fact>
        )}
      </dl>
    </>
  );
}

function Folders({ batch, mailbox }: { batch: BatchView; mailbox: MailboxDetails }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: whatever scrolls has to be reached by keyboard
    <div className="scroll-box" tabIndex={0} role="group" aria-label="Folders">
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">Folder</th>
            <th scope="col">Status</th>
            <th scope="col" className="end">
              Messages
            </th>
            <th scope="col" className="end">
              Skipped
            </th>
            <th scope="col" className="end">
              Size
            </th>
          </tr>
        </thead>
        <tbody>
          {foldersInOrder(mailbox.folders).map((folder) => (
            <tr key={folder.id}>
              <th scope="row">
                {folder.path}
                {folder.targetPath !== null && folder.targetPath !== folder.path ? (
                  <span className="quiet"> as {folder.targetPath}</span>
                ) : null}
                {folder.sameAs === null ? null : (
                  <div className="quiet">
                    The same folder as {folder.sameAs}, which is copied in its stead.
                  </div>
                )}
                {folder.error ? (
                  <div className="bad">
                    {folder.error.code}: {folder.error.message}
                  </div>
                ) : null}
                <FolderAct batch={batch} mailbox={mailbox} folder={folder} />
              </th>
              <td>
                <StatusBadge status={folder.status} />
              </td>
              <td className="end">
                {count(folder.syncedItemCount)} of {count(folder.totalItemCount)}
              </td>
              <td className="end">{count(folder.skippedItemCount)}</td>
              <td className="end">{bytes(folder.bytesTransferred)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What only a person may decide about a folder. */
function FolderAct({
  batch,
  mailbox,
  folder,
}: {
  batch: BatchView;
  mailbox: MailboxDetails;
  folder: FolderView;
}) {
  const client = useQueryClient();
  const confirm = useConfirm();
  const say = useSay();
  const mayOperate = useMayOperate();
  const act = folder.status === "RemovedInTarget" ? "recreate" : "confirm";
  const run = useMutation({
    mutationFn: () =>
      send("POST", pathOf`batches/${batch.name}/mailboxes/${mailbox.id}/folders/${folder.id}/${act}`),
    onSuccess: () => say(`${folder.path} goes on`),
    onError: ({ message }) => say(`${folder.path} stays as it is`, message, "error"),
    onSettled: () => client.invalidateQueries({ queryKey: ["batches", batch.name] }),
  });
  if (folder.status !== "RemovedInTarget" && folder.status !== "WaitsForConfirmation") return null;
  return (
    <div>
      <Button
        size="small"
        disabledFocusable={!mayOperate || run.isPending}
        onClick={async () => {
          const yes = await confirm(
            act === "recreate"
              ? {
                  title: `Make ${folder.path} anew?`,
                  text: "A user removed this folder in Microsoft 365. It is made again, with all of its mail.",
                  verb: "Make anew",
                }
              : {
                  title: `Go on with ${folder.path} as it is?`,
                  text: "The source shows this folder without most of the mail that was copied from it. What is there now is taken as right, and copied.",
                  verb: "Go on",
                },
          );
          if (yes) run.mutate();
        }}
      >
        {act === "recreate" ? "Make anew" : "Go on as it is"}
      </Button>
    </div>
  );
}

/** A page at a time: there may be thousands. */
function Skipped({ batch, mailbox }: { batch: BatchView; mailbox: MailboxDetails }) {
  const path = pathOf`batches/${batch.name}/mailboxes/${mailbox.id}/skipped-items`;
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: ["batches", batch.name, "mailboxes", mailbox.id, "skipped", mailbox.skippedItemCount],
    queryFn: ({ pageParam, signal }) =>
      read<List<SkippedItemView>>(`${path}?$top=${skippedPage}&$skiptoken=${pageParam}`, signal),
    initialPageParam: 0,
    getNextPageParam: ({ nextLink }, pages) => (nextLink === null ? undefined : pages.length * skippedPage),
    enabled: mailbox.skippedItemCount > 0,
  });
  if (mailbox.skippedItemCount === 0) return <p className="nothing">No message was skipped.</p>;
  if (data === undefined) return error ? <Trouble error={error} onRetry={refetch} /> : <Waiting />;
  const items = data.pages.flatMap(({ value }) => value);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: whatever scrolls has to be reached by keyboard */}
      <div className="scroll-box" tabIndex={0} role="group" aria-label="Skipped messages">
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">Folder</th>
              <th scope="col">Received</th>
              <th scope="col" className="end">
                Size
              </th>
              <th scope="col">Reason</th>
            </tr>
          </thead>
          <tbody>
            {items.map((item) => (
              <tr key={`${item.folder} ${item.uid}`}>
                <th scope="row">{item.folder}</th>
                <td>{dateTime(item.receivedAt)}</td>
                <td className="end">{bytes(item.size)}</td>
                <td>
                  <b>{item.code}</b>: {item.message}
                  {item.approvedBy === null ? null : (
                    <div className="quiet">Accepted by {whoIs(item.approvedBy)}</div>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {hasNextPage ? (
        <div className="tools">
          <Button disabledFocusable={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show more
          </Button>
          <span className="quiet">
            {count(items.length)} of {count(mailbox.skippedItemCount)}
          </span>
        </div>
      ) : null}
    </>
  );
}
