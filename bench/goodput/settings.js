// What the provider allows and what is asked of it: the same for every contender.

/**
 * The provider's limits. A bucket holds a tenth of a minute's worth: a full minute's would let the run through before
 * any limit is felt, and providers do enforce their minutes in shorter steps.
 */
export const LIMITS = {
  requestsPerMinute: 2_000,
  tokensPerMinute: 2_400_000,
  requestBurst: 200,
  tokenBurst: 240_000,
};

export const MODEL = 'gpt-4o-mini';
export const CALLS = Number(process.env.CALLS ?? 1_000);
export const WORKERS = Number(process.env.WORKERS ?? 50);
export const SEED = Number(process.env.SEED ?? 1);

/**
 * What a call is charged. `reserved`: prompt and `max_tokens`, for good (OpenAI, Azure). `used`: the same when it is
 * admitted, settled to the tokens used when the answer is sent (Anthropic).
 */
export const CHARGES = ['reserved', 'used'];

/**
 * The moment that the headers of an answer tell of: when the call was admitted (`admission`: what a provider knows that
 * writes them before the output), or when the answer was sent (`answer`).
 */
export const HEADERS = process.env.HEADERS ?? 'admission';
