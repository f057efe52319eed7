/** Rows and bytes a migration file may have, the same as in Exchange Online. */
export const maxRows = 50_000;
export const maxBytes = 10 * 1024 * 1024;
/** Rows of a file, blank ones included: as many as a spreadsheet has. */
export const maxRowsWithBlank = 1_048_576;
