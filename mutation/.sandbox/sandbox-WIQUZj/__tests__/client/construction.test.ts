// @ts-nocheck
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AuthenticationError,
  BaseLLMClient,
  Limiter,
  LLMError,
  OpenAIClient,
  OpenAICompatibleClient,
} from 'keelson';

const variables = ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'OPENAI_ORG_ID', 'OPENAI_PROJECT_ID', 'GROQ_API_KEY'];
const saved = new Map<string, string | undefined>();
beforeEach(() => {
  for (const name of variables) {
    saved.set(name, process.env[name]);
    delete process.env[name];
  }
});
afterEach(() => {
  for (const [name, value] of saved) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

class GroqClient extends OpenAIClient {
  static override readonly provider = {
    name: 'groq',
    baseURL: 'https://api.groq.com/openai/v1',
    env: { apiKey: 'GROQ_API_KEY' },
  };
}

describe('constructing a client', () => {
  it('refuses to begin without a key, and says where one could come from', () => {
    expect(() => new OpenAIClient()).toThrow(AuthenticationError);
    expect(() => new OpenAIClient()).toThrow(/OpenAIClient has no API key.*`apiKey`.*OPENAI_API_KEY/);
  });

  it('takes key and address from the environment', () => {
    process.env['OPENAI_API_KEY'] = ' sk-from-environment ';
    process.env['OPENAI_BASE_URL'] = 'http://127.0.0.1:1/v1/';
    expect(new OpenAIClient().baseURL).toBe('http://127.0.0.1:1/v1');
  });

  it('treats a blank variable as unset', () => {
    process.env['OPENAI_API_KEY'] = '  ';
    expect(() => new OpenAIClient()).toThrow(AuthenticationError);
  });

  it('needs no key when told so', () => {
    expect(new OpenAIClient({ apiKey: null }).baseURL).toBe('https://api.openai.com/v1');
  });

  it.each<[string, unknown, RegExp]>([
    ['a key with a line break', { apiKey: 'sk-abc\n' }, /`apiKey` holds a line break/],
    ['an empty key', { apiKey: '' }, /`apiKey` is empty/],
    ['a key that is no string', { apiKey: 5 }, /`apiKey` is number/],
    ['a key with a typographic dash', { apiKey: 'sk–abc' }, /`apiKey` holds a character/],
    [
      'a base URL that is none',
      { baseURL: 'api.openai.com' },
      /`baseURL` is no http or https URL but a string of 14 characters.*https:/,
    ],
    ['a base URL of another protocol', { baseURL: 'ftp://x/v1' }, /no http or https URL/],
    ['a base URL with a password', { baseURL: 'https://me:secretpass@x/v1' }, /user name or password/],
    ['openai-node’s timeout', { timeout: 5 }, /no option `timeout`.*`timeouts: \{ attemptMs/],
    ['openai-node’s maxRetries', { maxRetries: 2 }, /no option `maxRetries`.*`retry: \{ maxRetries/],
    ['openai-node’s defaultHeaders', { defaultHeaders: {} }, /`headers`/],
    ['a misspelt option', { baseUrls: 'x' }, /no option `baseUrls`.*`baseURL`/],
    ['an option nobody knows', { zzzzzzzzz: 1 }, /no option `zzzzzzzzz`.*apiKey, baseURL/],
    ['negative retries', { retry: { maxRetries: -1 } }, /retry: `maxRetries` is -1: give a whole number/],
    ['retries that are no options', { retry: 3 }, /`retry` is 3.*maxRetries/],
    ['a misspelt retry option', { retry: { maxRetry: 1 } }, /`maxRetry`.*`maxRetries`/],
    [
      'a timeout that is not a number',
      { timeouts: { totalMs: NaN } },
      /timeouts: `totalMs` is NaN: give a number above 0/,
    ],
    ['an infinite timeout', { timeouts: { attemptMs: Infinity } }, /`attemptMs` is Infinity/],
    ['a negative limit', { rateLimit: { requestsPerMinute: -1 } }, /requestsPerMinute.*-1/],
    ['a misspelt limit', { rateLimit: { requestPerMinute: 1 } }, /requestPerMinute.*requestsPerMinute/],
    ['a header with a line break', { headers: { 'x-a': 'b\r\nc' } }, /x-a.*line breaks/],
    ['a header with an impossible name', { headers: { 'x a': 'b' } }, /'x a'/],
    ['headers that are no object', { headers: 'x' }, /`headers` is a string of 1 characters/],
    [
      'headers of a class, which would be lost',
      { headers: new Headers({ 'x-a': 'b' }) },
      /`headers` is an object/,
    ],
    ['a logger without methods', { logger: {} }, /`logger` has no method `debug`/],
    ['an empty model', { model: '' }, /`model` is ''/],
    ['options that are no object', null, /must be an object; got null/],
  ])('refuses %s', (_, options, message) => {
    const all = options === null ? options : { apiKey: 'sk-abcdefgh', ...(options as object) };
    expect(() => new OpenAIClient(all as never)).toThrow(TypeError);
    expect(() => new OpenAIClient(all as never)).toThrow(message);
  });

  it.each<object>([
    { apiKey: 'very-secret-key\n' },
    { baseURL: 'very-secret-key' },
    { baseURL: 'very-secret-key:rest' },
    { headers: 'very-secret-key' },
    { headers: { 'Authorization: Bearer very-secret-key-0123456789': '' } },
    { query: 'very-secret-key' },
  ])('never shows a key that it refuses, wherever it was put: %j', (options) => {
    const refuse = (): unknown => new OpenAIClient({ apiKey: 'sk-abcdefgh', ...options });
    expect(refuse).toThrow(TypeError);
    expect(refuse).not.toThrow(/very-secret/);
  });

  it('takes a limiter of another copy of the package', () => {
    const limiter = new Limiter({ requestsPerMinute: 60 });
    const foreign = { admit: limiter.admit.bind(limiter), observe: limiter.observe.bind(limiter) };
    expect(new OpenAIClient({ apiKey: 'sk-abcdefgh', rateLimit: foreign as never }).limiter).toBe(foreign);
  });

  it('gives a subclass for another provider nothing of the parent’s: no key, no address', () => {
    process.env['OPENAI_API_KEY'] = 'sk-openai-key-123';
    process.env['OPENAI_BASE_URL'] = 'http://127.0.0.1:1/v1';
    expect(() => new GroqClient()).toThrow(/GroqClient has no API key.*GROQ_API_KEY/);
    expect(new GroqClient({ apiKey: 'gsk_x' }).baseURL).toBe('https://api.groq.com/openai/v1');
  });

  it('lets a subclass add options of its own', () => {
    class RegionClient extends OpenAIClient {
      static override readonly optionNames = [...OpenAIClient.optionNames, 'region'];
    }
    expect(new RegionClient({ apiKey: 'sk-abcdefgh', region: 'eu' } as never)).toBeInstanceOf(RegionClient);
    expect(() => new OpenAIClient({ apiKey: 'sk-abcdefgh', region: 'eu' } as never)).toThrow(/`region`/);
  });

  it('says what a class without a provider lacks', () => {
    class Nobody extends (BaseLLMClient as unknown as new (options: object) => object) {}
    expect(() => new Nobody({ apiKey: 'x' })).toThrow(
      /Nobody has no provider: declare `static override readonly provider/,
    );
  });

  it('needs an address where the provider has none', () => {
    expect(() => new OpenAICompatibleClient()).toThrow(/`baseURL` is missing/);
    expect(new OpenAICompatibleClient({ baseURL: 'http://127.0.0.1:8000/v1/' }).baseURL).toBe(
      'http://127.0.0.1:8000/v1',
    );
  });

  it('makes one limiter of the options, and shares one that is given', () => {
    const limiter = new Limiter({ requestsPerMinute: 60 });
    const apiKey = 'sk-abcdefgh';
    expect(new OpenAIClient({ apiKey }).limiter).toBeUndefined();
    expect(new OpenAIClient({ apiKey, rateLimit: { requestsPerMinute: 1 } }).limiter).toBeInstanceOf(Limiter);
    expect(new OpenAIClient({ apiKey, rateLimit: limiter }).limiter).toBe(limiter);
  });

  it('is an LLMError when the key is missing, so that one catch does', () => {
    expect(() => new OpenAIClient()).toThrow(LLMError);
  });
});
