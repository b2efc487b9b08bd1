/** What a model costs, in US dollars for a million tokens. */
export interface ModelPrice {
  readonly inputPerMillion: number;
  /** Default 0: a model of embeddings has no output. */
  readonly outputPerMillion?: number | undefined;
  /** Input that the provider reads from its cache. Default: as other input. */
  readonly cachedInputPerMillion?: number | undefined;
  /** What calls with a longer input cost, all of their tokens. */
  readonly long?: (Omit<ModelPrice, 'long'> & { readonly aboveInputTokens: number }) | undefined;
}

/** Prices of models by their names. */
export type PriceTable = Readonly<Record<string, ModelPrice>>;

/** A provider's list prices, when they were looked up and where. */
export interface PriceList {
  /** The day on which the prices held, as YYYY-MM-DD. */
  readonly asOf: string;
  /** The provider's own page. */
  readonly source: string;
  readonly models: PriceTable;
}

function price(input: number, output: number, cached = input): ModelPrice {
  return { inputPerMillion: input, outputPerMillion: output, cachedInputPerMillion: cached };
}

function longer(base: ModelPrice, aboveInputTokens: number, long: ModelPrice): ModelPrice {
  return { ...base, long: { aboveInputTokens, ...long } };
}

/**
 * List prices of common models, without discounts for batches, committed use or certain hours. They change: compare them with
 * the provider's page, and give your own by `prices` where they differ.
 */
export const PRICE_LISTS = {
  openai: {
    asOf: '2026-08-21',
    source: 'https://developers.openai.com/api/docs/pricing',
    models: {
      'gpt-5.6-sol': longer(price(5, 30, 0.5), 272_000, price(10, 45, 1)),
      'gpt-5.6-terra': longer(price(2, 12, 0.2), 272_000, price(4, 18, 0.4)),
      'gpt-5.6-luna': longer(price(0.2, 1.2, 0.02), 272_000, price(0.4, 1.8, 0.04)),
      'gpt-5.5': price(5, 30, 0.5),
      'gpt-5.5-pro': price(30, 180),
      'gpt-5.4': longer(price(2.5, 15, 0.25), 272_000, price(5, 22.5, 0.5)),
      'gpt-5.4-mini': price(0.75, 4.5, 0.075),
      'gpt-5.4-nano': price(0.2, 1.25, 0.02),
      'gpt-5.4-pro': longer(price(30, 180), 272_000, price(60, 270)),
      'gpt-5.3-codex': price(1.75, 14, 0.175),
      'gpt-5.2': price(1.75, 14, 0.175),
      'gpt-5.2-pro': price(21, 168),
      'gpt-5.1': price(1.25, 10, 0.125),
      'gpt-5.1-codex': price(1.25, 10, 0.125),
      'gpt-5.1-codex-max': price(1.25, 10, 0.125),
      'gpt-5.1-chat': price(1.25, 10, 0.125),
      'gpt-5.1-codex-mini': price(0.25, 2, 0.025),
      'gpt-5': price(1.25, 10, 0.125),
      'gpt-5-chat': price(1.25, 10, 0.125),
      'gpt-5-codex': price(1.25, 10, 0.125),
      'gpt-5-mini': price(0.25, 2, 0.025),
      'gpt-5-nano': price(0.05, 0.4, 0.005),
      'gpt-5-pro': price(15, 120),
      'gpt-4.1': price(2, 8, 0.5),
      'gpt-4.1-mini': price(0.4, 1.6, 0.1),
      'gpt-4.1-nano': price(0.1, 0.4, 0.025),
      'gpt-4o': price(2.5, 10, 1.25),
      'gpt-4o-2024-05-13': price(5, 15),
      'chatgpt-4o-latest': price(5, 15),
      'gpt-4o-mini': price(0.15, 0.6, 0.075),
      'gpt-4-turbo': price(10, 30),
      'gpt-4': price(30, 60),
      'gpt-3.5-turbo': price(0.5, 1.5),
      'gpt-3.5-turbo-1106': price(1, 2),
      'gpt-3.5-turbo-0613': price(1.5, 2),
      'gpt-3.5-turbo-0301': price(1.5, 2),
      o1: price(15, 60, 7.5),
      'o1-mini': price(1.1, 4.4, 0.55),
      'o1-pro': price(150, 600),
      o3: price(2, 8, 0.5),
      'o3-mini': price(1.1, 4.4, 0.55),
      'o3-pro': price(20, 80),
      'o4-mini': price(1.1, 4.4, 0.275),
      'text-embedding-3-large': price(0.13, 0),
      'text-embedding-3-small': price(0.02, 0),
      'text-embedding-ada-002': price(0.1, 0),
    },
  },
  anthropic: {
    asOf: '2026-09-01',
    source: 'https://www.anthropic.com/pricing#api',
    models: {
      'claude-fable-5': price(10, 50, 1),
      'claude-opus-5': price(5, 25, 0.5),
      'claude-sonnet-5': price(3, 15, 0.3),
      'claude-opus-4-8': price(5, 25, 0.5),
      'claude-opus-4-7': price(5, 25, 0.5),
      'claude-opus-4-6': price(5, 25, 0.5),
      'claude-opus-4-5': price(5, 25, 0.5),
      'claude-opus-4-1': price(15, 75, 1.5),
      'claude-opus-4-0': price(15, 75, 1.5),
      'claude-opus-4': price(15, 75, 1.5),
      'claude-sonnet-4-6': price(3, 15, 0.3),
      'claude-sonnet-4-5': longer(price(3, 15, 0.3), 200_000, price(6, 22.5, 0.6)),
      'claude-sonnet-4-0': price(3, 15, 0.3),
      'claude-sonnet-4': price(3, 15, 0.3),
      'claude-haiku-4-5': price(1, 5, 0.1),
      'claude-3-7-sonnet': price(3, 15, 0.3),
      'claude-3-5-sonnet': price(3, 15, 0.3),
      'claude-3-5-haiku': price(0.8, 4, 0.08),
      'claude-3-opus': price(15, 75, 1.5),
      'claude-3-haiku': price(0.25, 1.25, 0.03),
    },
  },
  gemini: {
    asOf: '2026-08-21',
    source: 'https://ai.google.dev/gemini-api/docs/pricing',
    models: {
      'gemini-3.6-flash': price(0.75, 3.75, 0.075),
      'gemini-3.5-flash': price(1.5, 9, 0.15),
      'gemini-3.5-flash-lite': price(0.3, 2.5, 0.03),
      'gemini-3.1-pro-preview': longer(price(2, 12, 0.2), 200_000, price(4, 18, 0.4)),
      'gemini-3.1-flash-lite': price(0.25, 1.5, 0.025),
      'gemini-3-pro-preview': longer(price(2, 12, 0.2), 200_000, price(4, 18, 0.4)),
      'gemini-3-flash-preview': price(0.5, 3, 0.05),
      'gemini-2.5-pro': longer(price(1.25, 10, 0.125), 200_000, price(2.5, 15, 0.25)),
      'gemini-2.5-flash': price(0.3, 2.5, 0.03),
      'gemini-2.5-flash-lite': price(0.1, 0.4, 0.01),
      'gemini-2.0-flash': price(0.1, 0.4, 0.025),
      'gemini-2.0-flash-lite': price(0.075, 0.3),
      'gemini-embedding-001': price(0.15, 0),
    },
  },
  deepseek: {
    asOf: '2026-06-02',
    source: 'https://api-docs.deepseek.com/quick_start/pricing',
    models: {
      'deepseek-v4-pro': price(0.435, 0.87, 0.003625),
      'deepseek-v4-flash': price(0.14, 0.28, 0.0028),
    },
  },
  mistral: {
    asOf: '2026-06-09',
    source: 'https://mistral.ai/pricing#api-pricing',
    models: {
      'mistral-large-2512': price(0.5, 1.5, 0.05),
      'mistral-large-2411': price(2, 6),
      'mistral-large-2407': price(2, 6),
      'mistral-medium': price(0.4, 2),
      'mistral-small-2603': price(0.15, 0.6, 0.015),
      'codestral-2508': price(0.3, 0.9, 0.03),
      'devstral-2512': price(0.4, 2, 0.04),
      'ministral-14b-2512': price(0.2, 0.2, 0.02),
      'ministral-3b-2512': price(0.1, 0.1, 0.01),
      'magistral-medium': price(2, 5),
      'mistral-embed': price(0.1, 0),
    },
  },
  xai: {
    asOf: '2026-07-08',
    source: 'https://docs.x.ai/docs/models',
    models: {
      'grok-4.5': price(2, 6, 0.5),
      'grok-4.3': price(1.25, 2.5, 0.2),
      'grok-4': price(3, 15, 0.75),
      'grok-3': price(3, 15, 0.75),
      'grok-3-mini': price(0.3, 0.5, 0.075),
      'grok-code-fast-1': price(0.2, 1.5, 0.02),
    },
  },
  moonshot: {
    asOf: '2026-07-16',
    source: 'https://platform.moonshot.ai/docs/pricing/chat',
    models: {
      'kimi-k3': price(3, 15, 0.3),
      'kimi-k2.6': price(0.95, 4, 0.16),
      'kimi-k2.5': price(0.6, 3, 0.1),
      'kimi-k2-thinking': price(0.6, 2.5, 0.15),
    },
  },
  groq: {
    asOf: '2025-08-12',
    source: 'https://groq.com/pricing/',
    models: {
      'llama-3.3-70b-versatile': price(0.59, 0.79),
      'llama-3.1-8b-instant': price(0.05, 0.08),
      'openai/gpt-oss-120b': price(0.15, 0.6, 0.075),
      'openai/gpt-oss-20b': price(0.075, 0.3, 0.0375),
    },
  },
} as const satisfies Readonly<Record<string, PriceList>>;
