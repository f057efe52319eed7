import { useSyncExternalStore } from "react";

/** True while a media query fits. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const list = matchMedia(query);
      list.addEventListener("change", changed);
      return () => list.removeEventListener("change", changed);
    },
    () => matchMedia(query).matches,
  );
}

/** No room for columns. */
export function useNarrow(): boolean {
  return useMedia("(max-width: 639px)");
}
