// @ts-nocheck
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import * as peer from 'gpt-tokenizer/encoding/o200k_base';
import { countTokens as countOld } from 'gpt-tokenizer/encoding/cl100k_base';
import { gptTokenizer } from 'keelson/tokenizer';
import { formal, noise, prose } from '../fixtures/texts';

const { countTokens: countNew } = peer;
const PLAIN = { disallowedSpecial: new Set<string>() };
const everything = Object.values({ ...prose, ...formal }).join('\n\n');

describe('gptTokenizer', () => {
  it.each(Object.entries({ ...prose, ...formal }))('counts exactly: %s', (_, text) => {
    expect(gptTokenizer(text, 'gpt-4o')).toBe(countNew(text, PLAIN));
    expect(gptTokenizer(text, 'gpt-4')).toBe(countOld(text, PLAIN));
  });

  it.each(Object.entries(noise))('counts within 1 %% what has no gaps: %s', (_, text) => {
    const ratio = gptTokenizer(text, 'gpt-4o') / countNew(text, PLAIN);
    expect(Math.abs(ratio - 1)).toBeLessThan(0.01);
  });

  it('takes the encoding of the model, and the newer one for a model that nobody knows', () => {
    const text = prose['hebrew'] as string;
    expect(gptTokenizer(text, 'text-embedding-3-small')).toBe(countOld(text, PLAIN));
    expect(gptTokenizer(text, 'made-up')).toBe(countNew(text, PLAIN));
    expect(gptTokenizer(text)).toBe(countNew(text, PLAIN));
  });

  it('counts the text of special tokens as text', () => {
    expect(gptTokenizer('<|endoftext|>')).toBe(countNew('<|endoftext|>', PLAIN));
    expect(gptTokenizer('<|endoftext|>')).toBeGreaterThan(1);
    expect(gptTokenizer('')).toBe(0);
  });

  it('never throws, and never gives what is no number', () => {
    const half = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
    fc.assert(
      fc.property(
        fc.string({ unit: fc.oneof(half, fc.constant('<|im_start|>')), maxLength: 400 }),
        (text) => {
          const tokens = gptTokenizer(text);
          expect(Number.isInteger(tokens)).toBe(true);
          expect(tokens > 0).toBe(text !== '');
        },
      ),
    );
  });

  it('counts a long text by samples, within 2 %', () => {
    const text = everything.repeat(20);
    expect(text.length).toBeGreaterThan(400_000);
    expect(Math.abs(gptTokenizer(text) / countNew(text, PLAIN) - 1)).toBeLessThan(0.02);
  });

  it.each(['a', '. ', '漢', 'ก', '\n', '\ud83d\ude00'])(
    'never has the peer look at much of a row of %j',
    (piece) => {
      // Its time grows with the square of what has no gap: half a minute for the first of these rows.
      for (const length of [60_000, 200_000, 1_000_000]) {
        const lengths: number[] = [];
        const count = jest.spyOn(peer, 'countTokens').mockImplementation((text) => {
          lengths.push((text as string).length);
          return 1;
        });
        try {
          expect(gptTokenizer(piece.repeat(length / piece.length))).toBeGreaterThan(0);
        } finally {
          count.mockRestore();
        }
        expect(Math.max(...lengths)).toBeLessThanOrEqual(128);
        expect(lengths.reduce((sum, one) => sum + one)).toBeLessThanOrEqual(65_536);
      }
    },
  );

  it('keeps no text alive in the cache of the peer', () => {
    const clear = jest.spyOn(peer, 'clearMergeCache');
    gptTokenizer('Hello');
    expect(clear).toHaveBeenCalledTimes(1);
    clear.mockRestore();
  });
});
