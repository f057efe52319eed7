import "./overdue-sweep.ts";
// After the hooks whose work belongs to an invocation's trace.
import "./telemetry.ts";
import "./upload-trigger.ts";
import "./mailbox-sync.ts";
import "./folder-sync.ts";
import "./isolated-sync.ts";
import "./resync-timer.ts";
import "./janitor-timer.ts";
import "./janitor-message.ts";
import "./reports-timer.ts";
import "./domains-timer.ts";
import "./http-health.ts";
import "./http-batches.ts";
import "./http-cutover.ts";
import "./http-endpoints.ts";
import "./http-discover.ts";
import "./http-target.ts";
