import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countTokens as countNew } from 'gpt-tokenizer/encoding/o200k_base';
import { countTokens as countOld } from 'gpt-tokenizer/encoding/cl100k_base';
import { encodingOf } from '../../src/tokenizer/encoding';
import { estimateTokens } from '../../src/tokenizer/heuristic';
import { formal, noise, prose } from '../fixtures/texts';

const PLAIN = { disallowedSpecial: new Set<string>() };
const classes = Object.entries({ ...prose, ...formal, ...noise });
/** Languages whose words the older encoding cuts up more than their length shows. */
const HARD_FOR_OLDER = ['italian', 'indonesian', 'portuguese', 'spanish', 'ukrainian', 'traditionalChinese'];

describe('the estimate of a text', () => {
  it.each(classes)('is within 15 % of o200k_base: %s', (_, text) => {
    const ratio = estimateTokens(text, 'o200k_base') / countNew(text, PLAIN);
    expect(ratio).toBeGreaterThan(0.85);
    expect(ratio).toBeLessThan(1.15);
  });

  it.each(classes)('is near cl100k_base as well: %s', (name, text) => {
    const ratio = estimateTokens(text, 'cl100k_base') / countOld(text, PLAIN);
    expect(ratio).toBeGreaterThan(HARD_FOR_OLDER.includes(name) ? 0.69 : 0.85);
    expect(ratio).toBeLessThan(1.15);
  });

  it('is over rather than under', () => {
    const ratios = classes.map(([, text]) => estimateTokens(text, 'o200k_base') / countNew(text, PLAIN));
    expect(ratios.filter((ratio) => ratio >= 1).length).toBeGreaterThan(0.7 * ratios.length);
    expect(ratios.reduce((sum, ratio) => sum + ratio) / ratios.length).toBeGreaterThan(1.02);
  });

  it('is a whole number, 0 for nothing and at least 1 for anything', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('o200k_base', 'cl100k_base'),
        (text, encoding) => {
          const tokens = estimateTokens(text, encoding as 'o200k_base');
          expect(Number.isInteger(tokens)).toBe(true);
          expect(tokens >= (text === '' ? 0 : 1)).toBe(true);
        },
      ),
    );
    for (let code = 0; code < 0x10000; code += 7) {
      expect(estimateTokens(String.fromCharCode(code), 'o200k_base')).toBeGreaterThanOrEqual(1);
    }
  });

  const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...classes.map(([, text]) => text)));

  it('never falls when text is added', () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        expect(estimateTokens(a + b, 'o200k_base')).toBeGreaterThanOrEqual(estimateTokens(a, 'o200k_base'));
      }),
    );
  });

  it('of two texts a line apart is that of both, but for a token or three', () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        const [whole, first, second] = [`${a}\n${b}`, a, b].map((text) => estimateTokens(text, 'o200k_base'));
        expect(whole).toBeLessThanOrEqual(first! + second! + 2);
        expect(whole).toBeGreaterThanOrEqual(first! + second! - 3);
      }),
    );
  });
});

describe('the encoding of a model', () => {
  it.each([
    ['gpt-4', 'cl100k_base'],
    ['gpt-4-turbo-2024-04-09', 'cl100k_base'],
    ['gpt-3.5-turbo', 'cl100k_base'],
    ['ft:gpt-3.5-turbo-0125:acme::id', 'cl100k_base'],
    ['openai/gpt-4-32k', 'cl100k_base'],
    ['text-embedding-3-small', 'cl100k_base'],
    ['gpt-4o-mini', 'o200k_base'],
    ['gpt-4.1', 'o200k_base'],
    ['gpt-5', 'o200k_base'],
    ['o3', 'o200k_base'],
    ['claude-sonnet-4', 'o200k_base'],
    [undefined, 'o200k_base'],
  ])('of %s is %s', (model, encoding) => expect(encodingOf(model)).toBe(encoding));
});
