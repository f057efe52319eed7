import { Button, Field, Input, Spinner, Textarea } from "@fluentui/react-components";
import { DeleteIcon } from "@fluentui/react-icons";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { useLocation } from "wouter";
import { ApiError } from "../api/api-error.ts";
import { call, pathOf, send } from "../api/client.ts";
import { useMayOperate } from "../api/queries.ts";
import type { EndpointTestView, EndpointView, ServerConfirmed } from "../api/types.ts";
import { useSay } from "../frame/toasts.tsx";
import { View } from "../frame/view.tsx";
import { useConfirm } from "../parts/confirm.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { NotSaved } from "./not-saved.tsx";
import { Protection } from "./protection.tsx";
import { testBodyOf } from "./test-body.ts";
import { TestSteps } from "./test-steps.tsx";
import { Usage } from "./usage.tsx";
import { useSaveEndpoint } from "./use-save-endpoint.ts";

/** One source server: its settings, a live test, its removal. */
export default function EndpointPage({ endpoint: name }: { endpoint: string }) {
  const path = pathOf`endpoints/${name}`;
  const client = useQueryClient();
  const confirm = useConfirm();
  const say = useSay();
  const mayOperate = useMayOperate();
  const [, navigate] = useLocation();
  const stored = useQuery({
    queryKey: ["endpoints", name],
    queryFn: ({ signal }) => call<EndpointView>(path, { signal }),
  });
  const remove = useMutation({
    mutationFn: () => send("DELETE", path),
    onSuccess: () => {
      say(`The endpoint ${name} is deleted`);
      void client.invalidateQueries({ queryKey: ["endpoints"] });
      navigate("/endpoints");
    },
  });
  return (
    <View
      title={name}
      crumbs={[{ label: "Endpoints", to: "/endpoints" }]}
      actions={
        <Button
          icon={<DeleteIcon />}
          disabledFocusable={!mayOperate || remove.isPending}
          onClick={async () => {
            const yes = await confirm({
              title: `Delete the endpoint ${name}?`,
              text: "Its settings are removed. It is refused while a batch uses it.",
              verb: "Delete",
            });
            if (yes) remove.mutate();
          }}
        >
          Delete
        </Button>
      }
    >
      <Trouble error={remove.error} />
      <Trouble error={stored.error} onRetry={stored.refetch} />
      {stored.data === undefined && stored.error === null ? <Waiting /> : null}
      {stored.data ? (
        <Fragment key={stored.data.etag}>
          <Usage name={name} />
          <Protection name={name} settings={stored.data.body} etag={stored.data.etag} />
          <Settings name={name} settings={stored.data.body} etag={stored.data.etag} />
          <ServerChanged path={path} settings={stored.data.body} />
        </Fragment>
      ) : null}
      <LiveTest path={path} />
    </View>
  );
}

function Settings({ name, settings, etag }: { name: string; settings: EndpointView; etag: string | null }) {
  const mayOperate = useMayOperate();
  const [text, setText] = useState(() => JSON.stringify(settings, undefined, 2));
  const [fault, setFault] = useState<ApiError>();
  const save = useSaveEndpoint(name, etag);
  return (
    <section className="sheet stack" aria-labelledby="settings-heading">
      <h2 id="settings-heading">All settings</h2>
      <NotSaved name={name} error={fault ?? save.error} />
      <Field
        label="Settings, as JSON"
        hint="Every key is explained in infra/docs/reference.md. No secret is in here."
      >
        <Textarea
          className="code-area"
          rows={14}
          resize="vertical"
          value={text}
          onChange={(_, { value }) => setText(value)}
        />
      </Field>
      <div>
        <Button
          disabledFocusable={!mayOperate || save.isPending}
          onClick={() => {
            const sound = isJson(text);
            setFault(sound ? undefined : notJson);
            if (sound) save.mutate(text);
          }}
        >
          Save settings
        </Button>
      </div>
    </section>
  );
}

const notJson = new ApiError(0, "NotJson", "This is no JSON: look for a missing comma or quotation mark.");

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Passwords go to the server that they were uploaded for, until somebody says that another one is right. */
function ServerChanged({ path, settings: { host, port } }: { path: string; settings: EndpointView }) {
  const confirm = useConfirm();
  const say = useSay();
  const mayOperate = useMayOperate();
  const agree = useMutation({
    mutationFn: () => send<ServerConfirmed>("POST", `${path}/confirm`, { host, port }),
    onSuccess: ({ body: { batches } }) =>
      say(
        `${host} is right`,
        batches.length === 0
          ? "No batch waited for that."
          : `${batches.map(({ name }) => name).join(", ")} may go on.`,
      ),
  });
  return (
    <section className="sheet stack" aria-labelledby="changed-heading">
      <h2 id="changed-heading">After a change of server</h2>
      <Trouble error={agree.error} />
      <p className="quiet">
        Passwords are kept for the server that they were uploaded for. Where its host or port has changed
        since, mailboxes wait as <code>EndpointHostChanged</code>, until somebody says that the new server is
        right.
      </p>
      <div>
        <Button
          disabledFocusable={!mayOperate || agree.isPending}
          onClick={async () => {
            const yes = await confirm({
              title: `Is ${host}, port ${port} the right server?`,
              text: "The passwords of every batch of this endpoint are sent there. Your word is recorded with your name.",
              verb: "Confirm the server",
            });
            if (yes) agree.mutate();
          }}
        >
          Confirm the server
        </Button>
      </div>
    </section>
  );
}

function LiveTest({ path }: { path: string }) {
  const mayOperate = useMayOperate();
  const [login, setLogin] = useState({ userName: "", password: "" });
  const test = useMutation({
    mutationFn: async () => (await send<EndpointTestView>("POST", `${path}/test`, testBodyOf(login))).body,
  });
  return (
    <section className="sheet stack" aria-labelledby="test-heading">
      <h2 id="test-heading">Test</h2>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (mayOperate) test.mutate();
        }}
      >
        <p className="quiet">
          Without a login the server is looked at from outside. A password is used once and not kept.
        </p>
        <div className="fields">
          <Field label="User name">
            <Input
              autoComplete="off"
              value={login.userName}
              onChange={(_, { value }) => setLogin({ ...login, userName: value })}
            />
          </Field>
          <Field label="Password">
            <Input
              type="password"
              autoComplete="new-password"
              value={login.password}
              onChange={(_, { value }) => setLogin({ ...login, password: value })}
            />
          </Field>
        </div>
        <div>
          <Button type="submit" disabledFocusable={!mayOperate || test.isPending}>
            Test
          </Button>
        </div>
      </form>
      {test.isPending ? <Spinner label="The server is being looked at" labelPosition="after" /> : null}
      <Trouble error={test.error} />
      {test.data ? <TestSteps report={test.data} /> : null}
    </section>
  );
}
