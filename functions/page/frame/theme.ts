import { useState } from "react";
import { useMedia } from "../parts/media.ts";
import { type Scheme, storedScheme, storeScheme } from "./stored-scheme.ts";

/** What the reader chose, else what the system says. */
export function useScheme(): readonly [Scheme, (scheme: Scheme) => void] {
  const systemIsDark = useMedia("(prefers-color-scheme: dark)");
  const [chosen, setChosen] = useState(storedScheme);
  const choose = (scheme: Scheme) => {
    storeScheme(scheme);
    setChosen(scheme);
  };
  return [chosen ?? (systemIsDark ? "dark" : "light"), choose];
}
