/**
 * Loaded into a worker process before the app (`--import`): its clock is wrong by TEST_CLOCK_OFFSET_MS milliseconds, as a
 * machine's may be.
 */
import { shiftDate } from "../shifted-date.ts";

const offsetMs = Number(process.env.TEST_CLOCK_OFFSET_MS ?? 0);
shiftDate(() => offsetMs);
