import { runConformance } from "./conformance/journey.ts";
import { renderTable } from "./conformance/table.ts";

// Sends every kind of message through the Graph target into the stand-in, and prints what became of it.
console.log(renderTable(await runConformance()));
