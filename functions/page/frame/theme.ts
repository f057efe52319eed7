import { useState } from "react";
import { useMedia } from "../parts/media.ts";

export type Scheme = "light" | "dark";

const key = "scheme";

/** What the reader chose, else what the system says. */
export function useScheme(): readonly [Scheme, (scheme: Scheme) => void] {
  const systemIsDark = useMedia("(prefers-color-scheme: dark)");
  const [chosen, setChosen] = useState(() => stored());
  const choose = (scheme: Scheme) => {
    try {
      localStorage.setItem(key, scheme);
    } catch {
      // Where nothing may be kept it holds until the page is left.
    }
    setChosen(scheme);
  };
  return [chosen ?? (systemIsDark ? "dark" : "light"), choose];
}

function stored(): Scheme | undefined {
  try {
    const value = localStorage.getItem(key);
    return value === "light" || value === "dark" ? value : undefined;
  } catch {
    return undefined;
  }
}
