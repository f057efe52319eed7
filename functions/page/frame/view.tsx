import { type ReactNode, useEffect, useRef } from "react";
import { Link as RouteLink } from "wouter";

export interface Crumb {
  readonly label: string;
  readonly to: string;
}

let isFirstView = true;

/** One view: its title, the way to it, its actions, its content. */
export function View({
  title,
  heading = title,
  crumbs = [],
  actions,
  children,
}: {
  readonly title: string;
  readonly heading?: ReactNode;
  readonly crumbs?: readonly Crumb[];
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  const top = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} - IMAP to Microsoft 365`;
    if (!isFirstView) top.current?.focus();
    isFirstView = false;
  }, [title]);
  return (
    <>
      {crumbs.length > 0 ? (
        <nav aria-label="Where you are">
          <ol className="crumbs">
            {crumbs.map(({ label, to }) => (
              <li key={to}>
                <To to={to}>{label}</To>
              </li>
            ))}
            <li aria-current="page">{title}</li>
          </ol>
        </nav>
      ) : null}
      <div className="view-head">
        <h1 ref={top} tabIndex={-1}>
          {heading}
        </h1>
        {actions ? <div className="view-actions">{actions}</div> : null}
      </div>
      {children}
    </>
  );
}

/** A link within the page. */
export function To({ to, children, className }: { to: string; children: ReactNode; className?: string }) {
  return (
    <RouteLink href={to} className={`link ${className ?? ""}`}>
      {children}
    </RouteLink>
  );
}
