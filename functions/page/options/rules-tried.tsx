import { useDeferredValue } from "react";
import type { ListedFolder } from "../api/types.ts";
import { count, counted } from "../parts/format.ts";
import type { OptionsDraft } from "./options.ts";
import { tryRules } from "./tried-rules.ts";

/** Rows shown; what the rules do something to comes first. */
const maxShown = 200;

export interface TestedFolders {
  /** Whose folders they are. */
  readonly userName: string;
  readonly count: number;
  readonly value: readonly ListedFolder[];
}

/** What the rules do to the folders of the login that was tested. */
export function RulesTried({ tested, draft }: { tested: TestedFolders; draft: OptionsDraft }) {
  const { folders, leftOutCount, idle } = tryRules(tested.value, useDeferredValue(draft));
  const more = tested.count - Math.min(folders.length, maxShown);
  return (
    <section aria-labelledby="tried-heading" className="stack">
      <h3 id="tried-heading">Tried on the folders of {tested.userName}</h3>
      <p role="status">
        {counted(tested.value.length, "folder", "folders")}, {count(leftOutCount)} left out.
        {idle.map((rule) => (
          <span key={rule}>
            {" "}
            <code>{rule}</code> fits none of them.
          </span>
        ))}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <div className="scroll-box" tabIndex={0} role="group" aria-label="Folders under these rules">
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">Folder</th>
              <th scope="col" className="end">
                Messages
              </th>
              <th scope="col">In Microsoft 365</th>
            </tr>
          </thead>
          <tbody>
            {folders.slice(0, maxShown).map(({ path, messages, becomes, leftOut }) => (
              <tr key={path}>
                <th scope="row">{path}</th>
                <td className="end">{messages === null ? "-" : count(messages)}</td>
                <td>{leftOut === undefined ? becomes : <b>Left out: {leftOut}</b>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {more > 0 ? (
        <p className="quiet">{counted(more, "more folder is", "more folders are")} not shown.</p>
      ) : null}
    </section>
  );
}
