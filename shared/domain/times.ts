/** Seconds from its start after which a step leaves to the next one what it can, at most. */
export const maxStepSeconds = 60;
