import { lazy, Suspense } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { BatchList } from "./batches/list.tsx";
import { Boundary } from "./frame/boundary.tsx";
import { Waiting } from "./parts/waiting.tsx";

const NewMigration = lazy(() => import("./new/new.tsx"));
const EndpointList = lazy(() => import("./endpoints/list.tsx"));
const EndpointPage = lazy(() => import("./endpoints/endpoint.tsx"));
const ReportList = lazy(() => import("./reports/list.tsx"));
const Help = lazy(() => import("./help/help.tsx"));
const BatchPage = lazy(() => import("./batch/batch.tsx"));

/** Which view stands at which address below /api/dashboard. */
export function Views() {
  const [location] = useLocation();
  return (
    <Boundary at={location}>
      <Suspense fallback={<Waiting />}>
        <Switch>
          <Route path="/" component={BatchList} />
          <Route path="/new/:step">{({ step }) => <NewMigration step={step} />}</Route>
          <Route path="/new">
            <Redirect to="/new/1" replace />
          </Route>
          <Route path="/endpoints" component={EndpointList} />
          <Route path="/endpoints/:endpoint">{({ endpoint }) => <EndpointPage endpoint={endpoint} />}</Route>
          <Route path="/reports" component={ReportList} />
          <Route path="/help" component={Help} />
          <Route path="/batches">
            <Redirect to="/" />
          </Route>
          <Route path="/batches/:batch/mailboxes/:mailbox">
            {({ batch, mailbox }) => <BatchPage batch={batch} tab="mailboxes" mailbox={mailbox} />}
          </Route>
          <Route path="/batches/:batch/:tab">
            {({ batch, tab }) => <BatchPage batch={batch} tab={tab} />}
          </Route>
          <Route path="/batches/:batch">{({ batch }) => <BatchPage batch={batch} tab="mailboxes" />}</Route>
          <Route>
            <Redirect to="/" />
          </Route>
        </Switch>
      </Suspense>
    </Boundary>
  );
}
