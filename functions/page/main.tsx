import { FluentProvider, webDarkTheme, webLightTheme } from "@fluentui/react-components";
import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, StrictMode, Suspense, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { createQueryClient } from "./api/queries.ts";
import { AnnouncerProvider } from "./frame/announcer.tsx";
import { Frame } from "./frame/frame.tsx";
import { useScheme } from "./frame/theme.ts";
import { ConfirmProvider } from "./parts/confirm.tsx";
import "./page.css";
import { Views } from "./views.tsx";

const Toasts = lazy(() => import("./frame/toaster.tsx"));
const client = createQueryClient();

function Page() {
  const [scheme, choose] = useScheme();
  useEffect(() => {
    document.documentElement.style.colorScheme = scheme;
  }, [scheme]);
  return (
    <FluentProvider theme={scheme === "dark" ? webDarkTheme : webLightTheme}>
      <QueryClientProvider client={client}>
        <AnnouncerProvider>
          <ConfirmProvider>
            <Router base="/api/dashboard">
              <Frame scheme={scheme} onScheme={choose}>
                <Views />
              </Frame>
            </Router>
            <Suspense fallback={null}>
              <Toasts />
            </Suspense>
          </ConfirmProvider>
        </AnnouncerProvider>
      </QueryClientProvider>
    </FluentProvider>
  );
}

const root = document.getElementById("page");
if (root === null) throw new Error("index.html has no element #page");
createRoot(root).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
