/** Of package.json, put in by the build. */
declare const APP_VERSION: string | undefined;

export const version = typeof APP_VERSION === "undefined" ? "not built" : APP_VERSION;
