import { SearchBox } from "@fluentui/react-components";
import { useState } from "react";
import { useSearchParams } from "wouter";
import { Remedy, remedies } from "../batch/remedy.tsx";
import { To, View } from "../frame/view.tsx";
import { counted } from "../parts/format.ts";

/** What to do about each error code, and how a migration goes. */
export default function Help() {
  const [params] = useSearchParams();
  const [search, setSearch] = useState(params.get("code") ?? "");
  const wanted = search.trim().toLowerCase();
  const found = [...remedies].filter(
    ([code, remedy]) => code.toLowerCase().includes(wanted) || remedy.toLowerCase().includes(wanted),
  );
  return (
    <View title="Help">
      <section className="sheet stack">
        <h2>How a migration goes</h2>
        <ol className="reasons">
          <li>
            <To to="/new/1">Find the server</To>, choose the CSV that names the mailboxes, and start: a batch
            copies every message once.
          </li>
          <li>
            Look at what failed: each code says what to do. Upload the mended CSV; only changed rows are
            touched.
          </li>
          <li>Lower the time to live of the MX record to an hour, and wait as long as it was before.</li>
          <li>
            Point the MX record to Microsoft 365. Daily syncs bring along what still arrives at the old
            server.
          </li>
          <li>
            After 72 hours the cut-over tab says whether everything is there: complete the batch, then delete
            it.
          </li>
        </ol>
        <p>
          All that this page does is in the HTTP API as well:{" "}
          <a className="link" href="/api/openapi.json">
            openapi.json
          </a>
        </p>
      </section>
      <section className="sheet stack" aria-labelledby="codes-heading">
        <h2 id="codes-heading">Error codes</h2>
        <div className="tools">
          <SearchBox
            placeholder="A code, or a word"
            aria-label="Search error codes"
            value={search}
            onChange={(_, { value }) => setSearch(value)}
          />
          <span className="tools-note" aria-live="polite">
            {counted(found.length, "code", "codes")}
          </span>
        </div>
        {found.length === 0 ? (
          <p className="nothing">No code and no remedy has that in it. Search for another word.</p>
        ) : null}
        <dl className="codes">
          {found.map(([code]) => (
            <div key={code}>
              <dt>{code}</dt>
              <dd>
                <Remedy code={code} />
              </dd>
            </div>
          ))}
        </dl>
      </section>
    </View>
  );
}
