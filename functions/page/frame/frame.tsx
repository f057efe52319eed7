import { Button } from "@fluentui/react-components";
import {
  BatchIcon,
  DocumentIcon,
  HelpIcon,
  MailIcon,
  MenuIcon,
  MoonIcon,
  ServerIcon,
  SunIcon,
} from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { meQuery } from "../api/queries.ts";
import { useMedia } from "../parts/media.ts";
import { contentId } from "./content-id.ts";
import type { Scheme } from "./stored-scheme.ts";

const places = [
  { to: "/", label: "Batches", Icon: BatchIcon },
  { to: "/endpoints", label: "Endpoints", Icon: ServerIcon },
  { to: "/reports", label: "Reports", Icon: DocumentIcon },
  { to: "/help", label: "Help", Icon: HelpIcon },
] as const;

const sideId = "places";

/** What stands around every view. */
export function Frame({
  scheme,
  onScheme,
  children,
}: {
  readonly scheme: Scheme;
  readonly onScheme: (scheme: Scheme) => void;
  readonly children: ReactNode;
}) {
  const wide = useMedia("(min-width: 1024px)");
  const [location] = useLocation();
  const [isOpen, setOpen] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever has chosen a place is there now
  useEffect(() => setOpen(false), [location]);
  const me = useQuery(meQuery).data;
  const other = scheme === "dark" ? "light" : "dark";
  const isAt = (to: string) =>
    to === "/" ? !/^\/(endpoints|reports|help)/.test(location) : location.startsWith(to);
  return (
    <div className="frame">
      <a className="skip" href={`#${contentId}`}>
        Skip to the content
      </a>
      <header className="top">
        {wide ? null : (
          <Button
            className="top-button"
            appearance="transparent"
            icon={<MenuIcon />}
            aria-label="Menu"
            aria-expanded={isOpen}
            {...(isOpen ? { "aria-controls": sideId } : {})}
            onClick={() => setOpen(!isOpen)}
          />
        )}
        <Link href="/" className="brand">
          <MailIcon className="brand-icon" />
          <span>IMAP to Microsoft 365</span>
        </Link>
        <span className="top-space" />
        {me?.name ? <span className="top-name">{me.name}</span> : null}
        <Button
          className="top-button"
          appearance="transparent"
          icon={scheme === "dark" ? <SunIcon /> : <MoonIcon />}
          aria-label={`Use the ${other} colours`}
          title={`Use the ${other} colours`}
          onClick={() => onScheme(other)}
        />
      </header>
      <div className="below">
        {wide || isOpen ? (
          <nav id={sideId} className="side" aria-label="Main">
            {places.map(({ to, label, Icon }) => (
              <Link
                key={to}
                href={to}
                className={isAt(to) ? "side-link side-link-here" : "side-link"}
                {...(isAt(to) ? { "aria-current": "page" } : {})}
              >
                <Icon className="side-icon" />
                {label}
              </Link>
            ))}
          </nav>
        ) : null}
        <main id={contentId} className="content" tabIndex={-1}>
          {children}
        </main>
      </div>
    </div>
  );
}
