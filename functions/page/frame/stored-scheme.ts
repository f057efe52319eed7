export type Scheme = "light" | "dark";

const key = "scheme";

/** What the reader once chose. */
export function storedScheme(): Scheme | undefined {
  try {
    const value = localStorage.getItem(key);
    return value === "light" || value === "dark" ? value : undefined;
  } catch {
    return undefined;
  }
}

export function storeScheme(scheme: Scheme): void {
  try {
    localStorage.setItem(key, scheme);
  } catch {
    // Where nothing may be kept it holds until the page is left.
  }
}
