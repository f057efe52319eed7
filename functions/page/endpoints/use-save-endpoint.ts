import { useMutation, useQueryClient } from "@tanstack/react-query";
import { call, pathOf } from "../api/client.ts";
import { useSay } from "../frame/toasts.tsx";

/** Stores the settings of an endpoint, unless somebody else has done so since. @param etag of what they were made from. */
export function useSaveEndpoint(name: string, etag: string | null) {
  const client = useQueryClient();
  const say = useSay();
  return useMutation({
    /** @param settings as JSON. */
    mutationFn: (settings: string) =>
      call(pathOf`endpoints/${name}`, {
        method: "PUT",
        body: settings,
        ...(etag ? { ifMatch: etag } : {}),
      }),
    onSuccess: () => {
      say(`The endpoint ${name} is saved`);
      void client.invalidateQueries({ queryKey: ["endpoints"] });
    },
  });
}
