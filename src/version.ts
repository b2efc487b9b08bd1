/** The version of this package, as the User-Agent header gives it. */
export const VERSION = '0.1.0';
