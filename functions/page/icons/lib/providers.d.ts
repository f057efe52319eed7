export type IconDirectionContextValue = { readonly textDirection?: "ltr" | "rtl" };
