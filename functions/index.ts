import "./telemetry.ts";
import "./upload-trigger.ts";
import "./mailbox-sync.ts";
import "./folder-sync.ts";
import "./resync-timer.ts";
import "./janitor-timer.ts";
import "./http-health.ts";
import "./http-batches.ts";
