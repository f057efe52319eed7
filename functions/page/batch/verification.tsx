import {
  Button,
  Field,
  Input,
  Link,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  Radio,
  RadioGroup,
} from "@fluentui/react-components";
import { DownloadIcon } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { pathOf } from "../api/client.ts";
import { useMayOperate, verificationQuery } from "../api/queries.ts";
import type { BatchVerificationView, BatchView } from "../api/types.ts";
import { To } from "../frame/view.tsx";
import { Fact } from "../parts/fact.tsx";
import { count, counted, dateTime } from "../parts/format.ts";
import { Progress } from "../parts/progress.tsx";
import { wordsFor } from "../parts/status.ts";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { Remedy } from "./remedy.tsx";
import { useAct } from "./use-act.ts";
import { differencesOf, type Level, levels, resultOf } from "./verification-text.ts";

/** Is everything there? Starts the comparison, and shows what it found. */
export default function VerificationTab({ batch }: { batch: BatchView }) {
  const { data, error, refetch } = useQuery(verificationQuery(batch.name));
  return (
    <section aria-label="Verification" className="stack">
      <Trouble error={error} onRetry={refetch} />
      {data === undefined && error === null ? <Waiting /> : null}
      {data ? <Result batch={batch} found={data} /> : null}
      <Start batch={batch} />
    </section>
  );
}

function Start({ batch }: { batch: BatchView }) {
  const [level, setLevel] = useState<Level>("items");
  const [sample, setSample] = useState("20");
  const mayOperate = useMayOperate();
  const begin = useAct(batch.name);
  const isSample = /^\d{1,5}$/.test(sample) && Number(sample) >= 1 && Number(sample) <= 10_000;
  const isRight = level !== "content" || isSample;
  return (
    <form
      className="sheet stack"
      aria-labelledby="verify-heading"
      onSubmit={(event) => {
        event.preventDefault();
        if (!mayOperate || !isRight) return;
        begin.mutate({
          path: pathOf`batches/${batch.name}/verify`,
          body: { level, ...(level === "content" ? { sample: Number(sample) } : {}) },
          begun: `${batch.name} is being verified`,
        });
      }}
    >
      <h2 id="verify-heading">Verify</h2>
      <p>
        The old server, what was recorded, and Microsoft 365 are compared, mailbox by mailbox. Nothing is
        changed on either side.
      </p>
      <Field label="How closely">
        <RadioGroup value={level} onChange={(_, { value }) => setLevel(value as Level)}>
          {levels.map((one) => (
            <Radio
              key={one.level}
              value={one.level}
              label={
                <>
                  {one.label}
                  <span className="radio-note">{one.cost}</span>
                </>
              }
            />
          ))}
        </RadioGroup>
      </Field>
      {level === "content" ? (
        <Field
          label="Messages of each mailbox"
          className="short-field"
          {...(isSample
            ? {}
            : { validationMessage: "A number from 1 to 10000.", validationState: "error" as const })}
        >
          <Input inputMode="numeric" value={sample} onChange={(_, { value }) => setSample(value)} />
        </Field>
      ) : null}
      <div>
        <Button
          type="submit"
          appearance="primary"
          disabledFocusable={!mayOperate || !isRight || begin.isPending}
        >
          Verify {batch.name}
        </Button>
      </div>
    </form>
  );
}

function Result({ batch, found }: { batch: BatchView; found: BatchVerificationView }) {
  const result = resultOf(found);
  if (result === undefined) return <p className="nothing">Nothing was verified yet.</p>;
  const through = found.verifiedCount + found.failedCount;
  const all = through + found.verifyingCount;
  const differences = differencesOf(found);
  return (
    <>
      <MessageBar intent={result.intent} layout="multiline">
        <MessageBarBody>
          <MessageBarTitle>{result.title}</MessageBarTitle>
          {result.text}
        </MessageBarBody>
      </MessageBar>
      {found.verifyingCount > 0 ? (
        <Progress
          value={Math.floor((100 * through) / all)}
          label={`${count(through)} of ${counted(all, "mailbox", "mailboxes")}`}
        />
      ) : null}
      {found.statement === null ? null : <p>{found.statement}</p>}
      <dl className="facts">
        <Fact name="Equal">{`${count(found.equalCount)} of ${counted(found.verifiedCount, "mailbox", "mailboxes")}`}</Fact>
        <Fact name="Messages compared">{count(found.comparedItemCount)}</Fact>
        <Fact name="Byte by byte">{count(found.sampledItemCount)}</Fact>
        <Fact name="Wait for the next sync">{count(found.waitingItemCount)}</Fact>
        <Fact name="Deleted at the old server since">{count(found.deletedAtSourceCount)}</Fact>
      </dl>
      {differences.length > 0 ? (
        <table className="checks" aria-label="Differences by kind">
          <thead>
            <tr>
              <th scope="col">Difference</th>
              <th scope="col">Messages</th>
              <th scope="col">Weight</th>
              <th scope="col">What to do</th>
            </tr>
          </thead>
          <tbody>
            {differences.map((difference) => (
              <tr key={difference.kind}>
                <th scope="row">{wordsFor(difference.kind)}</th>
                <td>{count(difference.count)}</td>
                <td>
                  <StatusBadge
                    status={difference.byUsers ? "ok" : difference.kind === "Missing" ? "failed" : "warning"}
                  >
                    {difference.byUsers
                      ? "Done by users"
                      : difference.kind === "Missing"
                        ? "Lost"
                        : "To be looked at"}
                  </StatusBadge>
                </td>
                <td>
                  <Remedy code={difference.kind} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {found.mailboxes.length > 0 ? <Mailboxes batch={batch} found={found} /> : null}
      <div>
        <Link
          href={`/api/${pathOf`batches/${batch.name}/reports/verification.csv`}`}
          download={`${batch.name}-verification.csv`}
        >
          <DownloadIcon /> Every difference, message by message
        </Link>
      </div>
    </>
  );
}

function Mailboxes({ batch, found }: { batch: BatchView; found: BatchVerificationView }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: whatever scrolls has to be reached by keyboard
    <div className="scroll-box" tabIndex={0} role="group" aria-label="Mailboxes with differences">
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">Mailbox</th>
            <th scope="col">Verified</th>
            <th scope="col" className="end">
              Messages
            </th>
            <th scope="col">Differences</th>
          </tr>
        </thead>
        <tbody>
          {found.mailboxes.map((mailbox) => (
            <tr key={mailbox.id}>
              <th scope="row">
                <To to={`/batches/${batch.name}/mailboxes/${mailbox.id}`}>{mailbox.emailAddress}</To>
              </th>
              <td>{dateTime(mailbox.at)}</td>
              <td className="end">{count(mailbox.comparedItemCount)}</td>
              <td>
                {mailbox.error === null ? null : (
                  <span className="bad">
                    {mailbox.error.code}: {mailbox.error.message}{" "}
                  </span>
                )}
                {differencesOf(mailbox)
                  .map((difference) => `${wordsFor(difference.kind)} ${count(difference.count)}`)
                  .join(", ")}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
