import { Button, Checkbox, Field, Input, Spinner } from "@fluentui/react-components";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "../api/api-error.ts";
import { pathOf, send } from "../api/client.ts";
import type { EndpointTestView } from "../api/types.ts";
import { testBodyOf } from "../endpoints/test-body.ts";
import { TestSteps } from "../endpoints/test-steps.tsx";
import { problem } from "../parts/problem.ts";
import { Trouble } from "../parts/trouble.tsx";
import { endpointOf } from "./draft.ts";
import type { StepProps } from "./new.tsx";

export function EndpointStep({ draft, change, faultOf, setTested }: StepProps) {
  const client = useQueryClient();
  const isNew = draft.endpointMode === "new";
  // The password goes no further than the one test, and is nowhere when the step is left.
  const [login, setLogin] = useState({ userName: "", password: "" });
  const test = useMutation({
    mutationFn: async () => {
      if (isNew) await store(draft.endpoint, endpointOf(draft));
      const path = pathOf`endpoints/${draft.endpoint}/test`;
      return (await send<EndpointTestView>("POST", path, testBodyOf(login))).body;
    },
    onSuccess: ({ folders }) => setTested(folders && { userName: login.userName, ...folders }),
    onSettled: () => client.invalidateQueries({ queryKey: ["endpoints"] }),
  });
  return (
    <>
      {isNew ? (
        <>
          <div className="fields">
            <Field label="Name of the endpoint" required {...problem(faultOf("endpoint"))}>
              <Input
                id="endpoint"
                value={draft.endpoint}
                onChange={(_, { value }) => change({ endpoint: value })}
              />
            </Field>
            <Field
              label="Mailboxes at once"
              hint="Fewer, if the server is slow or refuses connections."
              {...problem(faultOf("maxConcurrentMigrations"))}
            >
              <Input
                id="maxConcurrentMigrations"
                inputMode="numeric"
                value={draft.maxConcurrentMigrations}
                onChange={(_, { value }) => change({ maxConcurrentMigrations: value })}
              />
            </Field>
          </div>
          {draft.security === "none" ? null : (
            <Checkbox
              label="Accept a certificate of an unknown issuer (somebody in between could read along)"
              checked={draft.acceptUntrustedCertificates}
              onChange={(_, { checked }) => change({ acceptUntrustedCertificates: checked === true })}
            />
          )}
        </>
      ) : (
        <p>
          The endpoint <b>{draft.endpoint}</b> is used as it is.
        </p>
      )}
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          test.mutate();
        }}
      >
        <h3>Test it</h3>
        <p className="quiet">
          With the login of one row, to see what a migration will see. It is used for this test alone and not
          kept.
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
          <Button type="submit" disabledFocusable={test.isPending}>
            {isNew ? "Save and test" : "Test"}
          </Button>
        </div>
      </form>
      {test.isPending ? <Spinner label="The server is being looked at" labelPosition="after" /> : null}
      <Trouble error={test.error} />
      {test.data ? <TestSteps report={test.data} /> : null}
    </>
  );
}

/** Stores the endpoint; one of this name is replaced only by the very settings that it has. @throws ApiError */
export async function store(name: string, settings: object): Promise<void> {
  try {
    await send("PUT", pathOf`endpoints/${name}`, settings);
  } catch (error) {
    if (error instanceof ApiError && error.code === "EndpointExists")
      throw new ApiError(
        error.status,
        error.code,
        `There is an endpoint ${name} with other settings. Choose another name, or use that one.`,
      );
    throw error;
  }
}
