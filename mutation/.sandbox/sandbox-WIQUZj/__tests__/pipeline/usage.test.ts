// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import { readUsage } from '../../decorators/pipeline/usage';

describe('the usage of a result', () => {
  it.each([
    [
      'OpenAI’s words',
      {
        prompt_tokens: 9,
        completion_tokens: 2,
        total_tokens: 11,
        prompt_tokens_details: { cached_tokens: 4 },
      },
      { inputTokens: 9, outputTokens: 2, cachedInputTokens: 4 },
    ],
    ['embeddings', { prompt_tokens: 9, total_tokens: 9, prompt_tokens_details: null }, { inputTokens: 9 }],
    [
      'the words of Anthropic and of OpenAI’s Responses',
      { input_tokens: 9, output_tokens: 2, input_tokens_details: { cached_tokens: 4 } },
      { inputTokens: 9, outputTokens: 2, cachedInputTokens: 4 },
    ],
    [
      'our words',
      { inputTokens: 9, outputTokens: 0, cachedInputTokens: 0 },
      { inputTokens: 9, outputTokens: 0, cachedInputTokens: 0 },
    ],
    ['an output alone', { completion_tokens: 2 }, { outputTokens: 2 }],
    ['a part that is no amount', { prompt_tokens: '9', completion_tokens: 2 }, { outputTokens: 2 }],
  ])('is read from %s', (_, usage, expected) => {
    expect(readUsage({ usage })).toEqual(expected);
  });

  it.each([
    undefined,
    null,
    'text',
    7,
    [1, 2],
    {},
    { usage: null },
    { usage: 7 },
    { usage: { prompt_tokens: -1, completion_tokens: NaN } },
    { usage: { prompt_tokens_details: { cached_tokens: 4 } } },
  ])('is not made up of %j', (result) => {
    expect(readUsage(result)).toBeUndefined();
  });
});
