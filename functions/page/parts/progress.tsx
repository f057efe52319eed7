import { ProgressBar } from "@fluentui/react-components";

/** @param value 0 to 100. */
export function Progress({ value, label }: { value: number; label: string }) {
  return (
    <span className="progress">
      <span className="progress-text">
        <span>{label}</span>
        <span className="quiet">{value} %</span>
      </span>
      <ProgressBar value={value / 100} thickness="medium" aria-label={`${label}, ${value} percent`} />
    </span>
  );
}
