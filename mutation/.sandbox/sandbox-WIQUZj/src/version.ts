/** The version of this package, as the User-Agent header gives it. */
// @ts-nocheck

export const VERSION = '0.1.0';
