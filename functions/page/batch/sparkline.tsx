import { useQuery } from "@tanstack/react-query";
import { samplesQuery } from "../api/queries.ts";
import { clockTime, count } from "../parts/format.ts";
import { lineOf, ratesOf } from "./rates.ts";

const width = 240;
const height = 40;

/** Messages a minute over the last hour, as a line; as a table for whoever wants the numbers. */
export default function Sparkline({ batch }: { batch: string }) {
  const { data } = useQuery(samplesQuery(batch));
  const rates = ratesOf(data?.value ?? []);
  if (rates.length < 2) return null;
  const most = Math.max(...rates.map(({ perMinute }) => perMinute));
  return (
    <figure className="sparkline">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Messages a minute over the last hour, ${count(most)} at most`}
      >
        <polyline points={lineOf(rates, width, height)} />
      </svg>
      <figcaption>
        <details>
          <summary>Messages a minute in the last hour, {count(most)} at most</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: whatever scrolls has to be reached by keyboard */}
          <div className="scroll-box" tabIndex={0} role="group" aria-label="Messages a minute">
            <table className="plain">
              <thead>
                <tr>
                  <th scope="col">Until</th>
                  <th scope="col" className="end">
                    Messages a minute
                  </th>
                </tr>
              </thead>
              <tbody>
                {rates.map(({ at, perMinute }) => (
                  <tr key={at}>
                    <th scope="row">{clockTime(at)}</th>
                    <td className="end">{count(perMinute)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      </figcaption>
    </figure>
  );
}
