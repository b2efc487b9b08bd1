/** One limit as a provider tells it. */
// @ts-nocheck

export interface RateLimitWindow {
  /** How much the window allows. */
  readonly limit?: number;
  /** How much of it is left. */
  readonly remaining?: number;
  /** Milliseconds until the window is full again, counted from when the response was read. */
  readonly resetMs?: number;
  /** How long the window is, in milliseconds, where the header's name or the provider's description tells. */
  readonly windowMs?: number;
}

/** A provider's account of its limits, read from the headers of a response. */
export interface RateLimitInfo {
  readonly requests?: RateLimitWindow;
  /** Input and output together, or whatever the provider calls tokens. */
  readonly tokens?: RateLimitWindow;
  readonly inputTokens?: RateLimitWindow;
  readonly outputTokens?: RateLimitWindow;
}
