import {
  Button,
  Field,
  Input,
  Link,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  Select,
  Spinner,
} from "@fluentui/react-components";
import { UploadIcon } from "@fluentui/react-icons";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { call, pathOf } from "../api/client.ts";
import { batchesQuery } from "../api/queries.ts";
import type { UploadCheck } from "../api/types.ts";
import { bytes, count, counted } from "../parts/format.ts";
import { type Column, Grid } from "../parts/grid.tsx";
import { problem } from "../parts/problem.ts";
import { Trouble } from "../parts/trouble.tsx";
import { nameFrom } from "./draft.ts";
import type { StepProps } from "./new.tsx";

const maxBytes = 10_000_000;

/** Files to begin with, by how users are logged in; those that need an endpoint of their own come with it. */
const templates = [
  { kind: "empty", label: "an empty one" },
  { kind: "password", label: "passwords of the users" },
  { kind: "exchange", label: "an administrator of Exchange" },
  { kind: "dovecot", label: "of Dovecot" },
  { kind: "mirapoint", label: "of Mirapoint" },
  { kind: "courier", label: "of Courier" },
] as const;

/** The CSV, in this page's memory alone, and what the API says of it. */
export interface ChosenFile {
  readonly file: File;
  readonly validRows: number;
  readonly check: UploadCheck;
}

type Issue = UploadCheck["issues"][number];

export function MailboxesStep({ draft, change, faultOf, file, choose }: StepProps) {
  const picker = useRef<HTMLInputElement>(null);
  const [tooLarge, setTooLarge] = useState<string>();
  const batches = useQuery(batchesQuery).data?.value ?? [];
  const known = batches.find(({ name }) => name.toLowerCase() === draft.batch.trim().toLowerCase());
  const check = useMutation({
    mutationFn: async (chosen: File) => {
      const endpoint = draft.endpointMode === "existing" ? draft.endpoint : nameFrom(draft.host) || "new";
      const { body } = await call<UploadCheck>(
        `${pathOf`uploads/${endpoint}/check.csv`}?validateOnly=true&authentication=password`,
        { method: "POST", body: chosen, contentType: "text/csv" },
      );
      return { file: chosen, validRows: body.validRowCount, check: body };
    },
    onSuccess: choose,
  });
  const take = (chosen: File | null | undefined) => {
    if (!chosen) return;
    choose(undefined);
    setTooLarge(
      chosen.size > maxBytes
        ? `${chosen.name} has ${bytes(chosen.size)}: a CSV has 10 MB at most.`
        : undefined,
    );
    if (chosen.size > maxBytes) return;
    if (draft.batch === "") change({ batch: nameFrom(chosen.name) });
    check.mutate(chosen);
  };
  return (
    <>
      <p>
        A CSV with the columns <code>EmailAddress</code>, <code>UserName</code> and <code>Password</code>, a
        row a mailbox, up to 50,000 rows and 10 MB. To begin with:{" "}
        {templates.map(({ kind, label }, index) => (
          <span key={kind}>
            {index > 0 ? ", " : ""}
            <Link inline href={`/api/templates/${kind}.csv`} download={`${kind}.csv`}>
              {label}
            </Link>
          </span>
        ))}
      </p>
      <Field {...problem(tooLarge ?? faultOf("csv"))}>
        <div
          className="drop"
          role="group"
          aria-label="CSV"
          onDragOver={(event) => event.preventDefault()}
          onDrop={(event) => {
            event.preventDefault();
            take(event.dataTransfer.files[0]);
          }}
        >
          <input
            ref={picker}
            type="file"
            accept=".csv,text/csv"
            className="unseen"
            tabIndex={-1}
            aria-label="CSV file"
            onChange={(event) => take(event.currentTarget.files?.[0])}
          />
          <Button id="csv" icon={<UploadIcon />} onClick={() => picker.current?.click()}>
            {file ? "Choose another CSV" : "Choose the CSV"}
          </Button>
          <span className="quiet">
            {file ? `${file.file.name}, ${bytes(file.file.size)}` : "or drop it here"}
          </span>
        </div>
      </Field>
      {check.isPending ? (
        <Spinner label="The rows are checked; nothing is stored" labelPosition="after" />
      ) : null}
      <Trouble error={check.error} />
      {file ? <Checked check={file.check} /> : null}
      <Field
        label="Name of the batch"
        required
        hint="Letters, digits, hyphens and underscores; unique in this deployment."
        {...problem(faultOf("batch"))}
      >
        <Input id="batch" value={draft.batch} onChange={(_, { value }) => change({ batch: value })} />
      </Field>
      {known ? (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>There is a batch {known.name} already</MessageBarTitle>
            {known.endpoint === draft.endpoint
              ? "The rows of the CSV are added to it, and mailboxes that it has get their new passwords. Choose another name for a batch of its own."
              : `It belongs to the endpoint ${known.endpoint}: choose another name, unless that is the endpoint you mean.`}
          </MessageBarBody>
        </MessageBar>
      ) : null}
    </>
  );
}

const columns: readonly Column<Issue>[] = [
  {
    id: "line",
    label: "Line",
    width: "64px",
    align: "end",
    cell: ({ line }) => (line === 0 ? "file" : count(line)),
  },
  {
    id: "address",
    label: "Address",
    width: "minmax(150px, 1fr)",
    cell: ({ emailAddress }) => <span className="cut">{emailAddress ?? "-"}</span>,
  },
  { id: "column", label: "Column", width: "110px", cell: ({ column }) => column ?? "-" },
  {
    id: "code",
    label: "Code",
    width: "minmax(140px, 0.8fr)",
    cell: ({ code }) => <span className="cut">{code}</span>,
  },
  {
    id: "message",
    label: "Reason",
    width: "minmax(200px, 2fr)",
    cell: ({ message }) => (
      <span className="cut" title={message}>
        {message}
      </span>
    ),
  },
];

function Checked({ check }: { check: UploadCheck }) {
  const [code, setCode] = useState("");
  const { validRowCount, invalidRowCount, issues, issueCount, accepted } = check;
  const codes = [...new Set(issues.map((issue) => issue.code))];
  const shown = issues.filter((issue) => code === "" || issue.code === code);
  return (
    <>
      <MessageBar
        intent={!accepted ? "error" : invalidRowCount > 0 ? "warning" : "success"}
        layout="multiline"
      >
        <MessageBarBody>
          <MessageBarTitle>
            {!accepted
              ? "Nothing of the file can be used"
              : `${counted(validRowCount, "row is good", "rows are good")}${invalidRowCount > 0 ? `, ${count(invalidRowCount)} cannot be used` : ""}`}
          </MessageBarTitle>
          {accepted && invalidRowCount > 0
            ? "You may go on with the good rows, and upload the others again once they are mended."
            : null}
        </MessageBarBody>
      </MessageBar>
      {issues.length > 0 ? (
        <>
          <div className="tools">
            <Select aria-label="Code" value={code} onChange={(_, { value }) => setCode(value)}>
              <option value="">Every code</option>
              {codes.map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </Select>
            <Link href={issuesAsCsv(shown)} download="bad-rows.csv">
              Download these
            </Link>
            <span className="tools-note">
              {count(shown.length)} of {count(issueCount)}
            </span>
          </div>
          <Grid
            label="Rows that cannot be used"
            columns={columns}
            count={shown.length}
            rowAt={(index) => shown[index]}
            keyOf={({ line, column, code }) => `${line} ${column} ${code}`}
            short={shown.length <= 8}
            card={({ line, emailAddress, code, message }) => (
              <>
                <div className="card-line">
                  <span className="cut">
                    Line {line}: {emailAddress ?? code}
                  </span>
                </div>
                <div className="card-line quiet">
                  <span className="cut">{message}</span>
                </div>
              </>
            )}
          />
        </>
      ) : null}
    </>
  );
}

/** A cell that a spreadsheet takes for a formula is made a text. */
function issuesAsCsv(issues: readonly Issue[]): string {
  const cell = (value: string | number | undefined) =>
    `"${String(value ?? "")
      .replace(/^[=+\-@\t\r]/, "'$&")
      .replaceAll('"', '""')}"`;
  const rows = issues.map(({ line, emailAddress, column, code, message }) =>
    [line, emailAddress, column, code, message].map(cell).join(","),
  );
  return `data:text/csv;charset=utf-8,${encodeURIComponent(["line,emailAddress,column,code,message", ...rows, ""].join("\r\n"))}`;
}
