import {
  Button,
  Menu,
  MenuItemLink,
  MenuList,
  MenuPopover,
  MenuTrigger,
  Tooltip,
} from "@fluentui/react-components";
import {
  BatchIcon,
  HelpIcon,
  MailIcon,
  MenuIcon,
  MoonIcon,
  ServerIcon,
  SunIcon,
} from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { meQuery } from "../api/queries.ts";
import { useMedia } from "../parts/media.ts";
import type { Scheme } from "./theme.ts";

const places = [
  { to: "/", label: "Batches", Icon: BatchIcon },
  { to: "/endpoints", label: "Endpoints", Icon: ServerIcon },
  { to: "/help", label: "Help", Icon: HelpIcon },
] as const;

const base = "/api/dashboard";

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
  const me = useQuery(meQuery).data;
  const other = scheme === "dark" ? "light" : "dark";
  const isAt = (to: string) => (to === "/" ? !/^\/(endpoints|help)/.test(location) : location.startsWith(to));
  return (
    <div className="frame">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="top">
        {wide ? null : (
          <Menu>
            <MenuTrigger disableButtonEnhancement>
              <Button className="top-button" appearance="transparent" icon={<MenuIcon />} aria-label="Menu" />
            </MenuTrigger>
            <MenuPopover>
              <MenuList>
                {places.map(({ to, label, Icon }) => (
                  <MenuItemLink key={to} href={base + to} icon={<Icon />}>
                    {label}
                  </MenuItemLink>
                ))}
              </MenuList>
            </MenuPopover>
          </Menu>
        )}
        <Link href="/" className="brand">
          <MailIcon className="brand-icon" />
          <span>IMAP to Microsoft 365</span>
        </Link>
        <span className="top-space" />
        {me?.name ? <span className="top-name">{me.name}</span> : null}
        <Tooltip content={`Use the ${other} colours`} relationship="label">
          <Button
            className="top-button"
            appearance="transparent"
            icon={scheme === "dark" ? <SunIcon /> : <MoonIcon />}
            onClick={() => onScheme(other)}
          />
        </Tooltip>
      </header>
      <div className="below">
        {wide ? (
          <nav className="side" aria-label="Main">
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
        <main id="content" className="content" tabIndex={-1}>
          {children}
        </main>
      </div>
    </div>
  );
}
