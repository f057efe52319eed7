import { storedScheme } from "./frame/stored-scheme.ts";

// All that runs before the first frame is painted, which stands in index.html. The page itself, which keeps a processor busy
// for a good part of a second, begins behind that.

document.documentElement.style.colorScheme = storedScheme() ?? "";
painted()
  .then(() => import("./main.tsx"))
  .catch(() => {
    const place = document.querySelector(".first .waiting");
    place?.removeAttribute("aria-busy");
    place?.replaceChildren("The page could not be loaded. Reload it.");
  });

/** A page that nobody sees is not painted: there is nothing to wait for. */
async function painted(): Promise<void> {
  if (document.hidden) return;
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
