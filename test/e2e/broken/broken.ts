/** Plays what is broken in places at one side or the other: `npm run campaign:broken -- --side source|target`. */
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { side: { type: "string" } }, strict: false });
if (values.side === "source") await import("./sources.ts");
else if (values.side === "target") await import("./campaign.ts");
else throw new Error(`--side: expected source or target, not ${values.side ?? "nothing"}`);
