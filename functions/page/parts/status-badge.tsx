import { CheckIcon, ClockIcon, FailedIcon, PauseIcon, SyncIcon, WarningIcon } from "@fluentui/react-icons";
import type { ComponentType, ReactNode, SVGProps } from "react";
import { type Look, lookOf, wordsFor } from "./status.ts";

const icons: Readonly<Record<Look, ComponentType<SVGProps<SVGSVGElement>>>> = {
  moving: SyncIcon,
  waiting: ClockIcon,
  good: CheckIcon,
  warning: WarningIcon,
  bad: FailedIcon,
  still: PauseIcon,
};

export function StatusBadge({ status, children }: { status: string; children?: ReactNode }) {
  const look = lookOf(status);
  const Icon = icons[look];
  return (
    <span className={`status status-${look}`}>
      <Icon className="status-icon" />
      <span>{children ?? wordsFor(status)}</span>
    </span>
  );
}
