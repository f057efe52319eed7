/** How a connection is encrypted, in words. */
export const securities = { ssl: "TLS from the first byte", tls: "STARTTLS", none: "None" } as const;
