import { describe, expect, test } from '@jest/globals';
import { AxiosError, AxiosHeaders, type InternalAxiosRequestConfig } from 'axios';
import fc from 'fast-check';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import {
  errorFromResponse,
  fromFailure,
  LLMError,
  redact,
  redactText,
  scrubCause,
} from '../../decorators/errors/index.js';

describe('redactText', () => {
  test.each<[text: string, redacted: string]>([
    ['Authorization: Bearer abc123def456', 'Authorization: Bearer [redacted]'],
    ['Basic dXNlcjpwYXNzd29yZDEy', 'Basic [redacted]'],
    ['provided: sk-proj-abcd1234efgh5678. Find', 'provided: [redacted]. Find'],
    ['sk-abcd********************wxyz', '[redacted]'],
    ['gsk_1234567890abcdef', '[redacted]'],
    ['the token r8_1234567890abcdef is', 'the token [redacted] is'],
    ['github_pat_11ABCDEFG0abcdef', '[redacted]'],
    ['ya29.a0AfB_byC1234567890abcdef', '[redacted]'],
    ['"-----BEGIN PRIVATE KEY-----\\nMIIE\\n+x/=\\n-----END PRIVATE KEY-----\\n"', '"[redacted]\\n"'],
    ['cut -----BEGIN RSA PRIVATE KEY-----\nMIIE\nx', 'cut [redacted]'],
    ['Authorization: Token 0123456789abcdef, then', 'Authorization: Token [redacted], then'],
    ['"authorization":"ApiKey 0123456789abcdef"', '"authorization":"ApiKey [redacted]"'],
    ['AIzaSyA1234567890abcdefghijklmnop', '[redacted]'],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl', '[redacted]'],
    ['http://me:pass@host/path', 'http://[redacted]@host/path'],
    ['https://h/p?alt=sse&key=abc&x=1', 'https://h/p?alt=sse&key=[redacted]&x=1'],
    ['https://h/p?api_key=abc#f', 'https://h/p?api_key=[redacted]#f'],
    ['{"x-api-key":"abcdef123456"}', '{"x-api-key":"[redacted]"}'],
    ['set-cookie: sid=abcdef123456; Path=/', 'set-cookie: [redacted]'],
    ['Bearer abcdefg1', 'Bearer [redacted]'],
    ['Bearer abcdef1', 'Bearer abcdef1'],
    [`Bearer ${'a'.repeat(20)}`, 'Bearer [redacted]'],
    [`Bearer ${'a'.repeat(19)}`, `Bearer ${'a'.repeat(19)}`],
    // prose stays
    ['Bearer authentication is required', 'Bearer authentication is required'],
    [
      'using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)',
      'using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)',
    ],
    ['authorization: token expected here', 'authorization: token expected here'],
    ['the frames fw_next and r8_last', 'the frames fw_next and r8_last'],
    ['a -----BEGIN CERTIFICATE----- is no secret', 'a -----BEGIN CERTIFICATE----- is no secret'],
    ['api_key: field required', 'api_key: field required'],
    ['a task-force of risk-averse people', 'a task-force of risk-averse people'],
    ['max_tokens: 4096 is more than 2048 tokens', 'max_tokens: 4096 is more than 2048 tokens'],
    ['req_0123456789abcdef gpt-4o-2024-08-06', 'req_0123456789abcdef gpt-4o-2024-08-06'],
  ])('%s', (text, redacted) => {
    expect(redactText(text)).toBe(redacted);
    expect(redactText(redacted)).toBe(redacted);
  });

  test('hides values as they are, in a URL and in JSON, the longer first', () => {
    expect(redactText('a=my secret/1, b=my%20secret%2F1', ['my secret/1'])).toBe(
      'a=[redacted], b=[redacted]',
    );
    expect(redactText(JSON.stringify({ a: 'quo"ted\\1' }), ['quo"ted\\1'])).toBe('{"a":"[redacted]"}');
    expect(redactText('abcdef-ghijkl', ['abcdef', 'abcdef-ghijkl'])).toBe('[redacted]');
  });

  test('does not look for what is too short to be a secret', () => {
    expect(redactText('the model', ['the', '', 'model'])).toBe('the model');
    expect(redactText('12345 123456', ['12345', '123456'])).toBe('12345 [redacted]');
  });

  test('hides what has no form in a URL', () => {
    expect(redactText('say half\ud800pair', ['half\ud800pair'])).toBe('say [redacted]');
  });

  test('stays fast on text made to be slow', () => {
    for (const part of [
      'sk-',
      'eyJ.',
      '://',
      '?api-',
      'authorization ',
      'authorization: token ',
      '-----BEGIN PRIVATE KEY-----',
      'cookie: ',
      '&token',
      'Bearer ',
    ]) {
      expect(redactText(part.repeat(20_000)).length).toBeGreaterThan(0);
    }
  });
});

describe('redact', () => {
  test('hides by the name of a field, whatever its case and style', () => {
    const names = [
      'authorization',
      'api-key',
      'X-Api-Key',
      'x-goog-api-key',
      'Proxy-Authorization',
      'cookie',
      'Set-Cookie',
      'x-amz-security-token',
      'apiKey',
      'api_key',
      'access_token',
      'password',
      'secret',
      'client_secret',
    ];
    for (const name of names) expect(redact({ [name]: 'v' })).toEqual({ [name]: '[redacted]' });
    const harmless = {
      token: 'hello',
      max_tokens: 5,
      total_tokens: 7,
      key: 'k',
      author: 'a',
      secret: null,
      password: false,
      apiKey: undefined,
    };
    expect(redact(harmless)).toEqual(harmless);
    expect(Object.keys(redact({ apiKey: undefined, a: () => 1, b: undefined, c: 1 }) as object)).toEqual([
      'c',
    ]);
  });

  test('keeps plain data as it is', () => {
    const data = { a: [1, 'two', null, true, { b: undefined }], d: new Date(0), ['__proto__x']: 1 };
    expect(redact(data)).toEqual({ a: [1, 'two', null, true, {}], d: new Date(0), ['__proto__x']: 1 });
  });

  test('makes plain data of the rest', () => {
    const cyclic: Record<string, unknown> = { f: () => 1, s: Symbol('x'), big: 1n, bytes: new Uint8Array(3) };
    cyclic.self = cyclic;
    cyclic.map = new Map([['k', 'v']]);
    cyclic.set = new Set([1]);
    cyclic.error = new TypeError('bad');
    cyclic.stream = new ReadableStream();
    expect(redact(cyclic)).toEqual({
      big: '1',
      bytes: '[3 bytes]',
      self: '[circular]',
      map: { k: 'v' },
      set: [1],
      error: { name: 'TypeError', message: 'bad' },
      stream: '[stream]',
    });
  });

  test('makes plain data of what others hand over', () => {
    expect(redact(new Headers({ a: 'b', authorization: 'v' }))).toEqual({
      a: 'b',
      authorization: '[redacted]',
    });
    expect(
      redact(
        new Map<unknown, unknown>([
          [5, 'v'],
          ['password', 'v'],
        ]),
      ),
    ).toEqual({ 5: 'v', password: '[redacted]' });
    expect(redact([() => 1, Symbol('s'), new ArrayBuffer(4)])).toEqual([null, null, '[4 bytes]']);
    expect(redact({ pipe: () => 1 })).toBe('[stream]');
    expect(redact(() => 1)).toBeUndefined();
    const broken = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no');
        },
      },
    );
    expect(redact({ broken })).toEqual({ broken: {} });
    expect(redact({ 'of my-secret-1': new Error('say my-secret-1') }, ['my-secret-1'])).toEqual({
      'of [redacted]': { name: 'Error', message: 'say [redacted]' },
    });
  });

  test('the same object twice is no cycle', () => {
    const shared = { a: 1 };
    expect(redact([shared, shared])).toEqual([shared, shared]);
  });

  test('a key of the name __proto__ does no harm', () => {
    const copy = redact(JSON.parse('{"__proto__":{"polluted":true}}')) as object;
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect('polluted' in copy).toBe(false);
  });

  test('cuts off what is deep or long', () => {
    let deep: unknown = 'bottom';
    for (let i = 0; i < 1000; i++) deep = [deep];
    expect(JSON.stringify(redact(deep))).toContain('[cut off]');
    expect((redact('x'.repeat(1e6)) as string).length).toBeLessThan(20_000);
    const longest = 'x'.repeat(16_384);
    expect(redact(longest)).toBe(longest);
    expect(redact(`${longest}y`)).toBe(`${longest}…`);
    expect(redact(longest.repeat(4))).toBe(`${longest}…`);
    for (const [depth, isCut] of [
      [16, false],
      [17, true],
    ] as const) {
      const nested = Array.from({ length: depth }).reduce<unknown>((inner) => ({ inner }), 'bottom');
      expect(JSON.stringify(redact(nested)).includes('[cut off]')).toBe(isCut);
    }
    const rows = Array.from({ length: 20_000 }, (_, i) => ({ i }));
    const kept = redact({ rows, after: 'all' }) as { rows: unknown[]; after?: string };
    expect(kept.rows[0]).toEqual({ i: 0 });
    expect(kept.rows.length).toBeLessThanOrEqual(10_000);
    // 10,000 values: the whole, its list with its name, and two for each row.
    expect(kept.rows.slice(4997, 5000)).toEqual([{ i: 4997 }, {}, '[cut off]']);
    expect(kept.after).toBeUndefined();
  });

  test('counts the length without what is hidden', () => {
    const secret = 's'.repeat(24_576);
    const rest = 'x'.repeat(16_000);
    expect(redact(`${rest}${secret}`, [secret])).toBe(`${rest}[redacted]`);
    expect(redact(secret.repeat(2), [secret])).toBe('[redacted][redacted]');
    // Of what is longer the end is not looked at: half a secret may stand there.
    expect(redact(`${secret.repeat(2)}s`, [secret])).toBe('…');
  });
});

describe('scrubCause', () => {
  /** As newer platforms have them: the fields are private, the class gives them. */
  const hiding = (fields: object): object => ({
    inner: Object.create({ [Symbol.toStringTag]: 'Response', ...fields }) as object,
  });
  const withGetter = Object.defineProperty({}, 'password', { get: () => 'x', enumerable: true });
  function form(fields: Record<string, string>): FormData {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields)) data.set(name, value);
    return data;
  }

  test('an error with a secret is replaced, one without is not', () => {
    const error = Object.assign(new Error('no'), { inner: { note: 'my-secret-1' } });
    expect(scrubCause(error)).toBe(error);
    expect(scrubCause(error, ['my-secret-1'])).not.toBe(error);
    expect(scrubCause('say my-secret-1', ['my-secret-1'])).toBe('say [redacted]');
    expect(scrubCause(null)).toBeNull();
  });

  test('keeps of an error that is replaced what tells of its failure', () => {
    const original = Object.assign(new TypeError('connect my-secret-1'), {
      config: {},
      code: 'ECONNREFUSED',
      errno: -111,
      syscall: 'connect',
      hostname: 'host of my-secret-1',
      address: '127.0.0.1',
      port: 1,
      status: 500,
      statusCode: 500,
      other: 'gone',
      stack: 'TypeError: connect my-secret-1\n    at the place',
      cause: Object.assign(new Error('inner'), { request: {}, code: {} }),
    });
    const copy = scrubCause(original, ['my-secret-1']) as Error & Record<string, unknown>;
    expect({ ...copy }).toEqual({
      code: 'ECONNREFUSED',
      errno: -111,
      syscall: 'connect',
      hostname: 'host of [redacted]',
      address: '127.0.0.1',
      port: 1,
      status: 500,
      statusCode: 500,
    });
    expect(copy).toMatchObject({ name: 'TypeError', message: 'connect [redacted]' });
    expect(copy.stack).toBe('TypeError: connect [redacted]\n    at the place');
    expect(copy.cause).toMatchObject({ message: 'inner' });
    expect(copy.cause).not.toHaveProperty('request');
    expect(Object.getOwnPropertyNames(copy.cause).sort()).toEqual(['message', 'name', 'stack']);
    // As those who log errors do.
    Object.assign(copy, { name: 'Mine', message: 'mine', stack: 'none', code: 'OTHER' });
    delete copy.code;
    expect(String(copy)).toBe('Mine: mine');
    expect(copy).not.toHaveProperty('code');
  });

  test('an error of another realm is one, an object with a message is none', () => {
    const foreign = runInNewContext('new RangeError("say my-secret-1")') as Error;
    const copy = scrubCause(foreign, ['my-secret-1']);
    expect(copy).toBeInstanceOf(Error);
    expect(copy).toMatchObject({ name: 'RangeError', message: 'say [redacted]' });
    for (const fields of [{ message: 'say my-secret-1' }, { stack: 'say my-secret-1' }]) {
      const [field = ''] = Object.keys(fields);
      expect(scrubCause(fields, ['my-secret-1'])).toStrictEqual({ [field]: 'say [redacted]' });
    }
  });

  test.each<[string, object, boolean]>([
    ['a field of a secret name', { password: 'x' }, false],
    ['one that is empty', { password: '' }, true],
    ['one that is a flag', { password: true }, true],
    ['one that holds an object', { credentials: {} }, false],
    ['a text of 65,536 characters', { text: 'x'.repeat(65_536) }, true],
    ['a longer text', { text: 'x'.repeat(65_537) }, false],
    ['bytes', { bytes: new Uint8Array(100_000) }, true],
    ['one that is null', { password: null }, true],
    ['one that is a method', { password: () => 'x' }, true],
    ['one that is a number', { password: 918_273 }, false],
    ['one that a getter gives', { inner: withGetter }, false],
    ['a map and a set', { map: new Map([['a', new Set([1])]]), set: new Set(['b']) }, true],
    ['a map with a field of a secret name', { map: new Map([['password', 'x']]) }, false],
    ['headers', { inner: new Headers({ a: 'b' }) }, true],
    ['headers with a secret', { inner: new Headers({ 'x-api-key': 'x' }) }, false],
    ['a form', { inner: form({ name: 'x' }) }, true],
    ['a form with a secret', { inner: form({ password: 'x' }) }, false],
    ['a URL', { inner: new URL('https://h/p?q=x') }, true],
    ['a URL with a secret', { inner: new URL('https://h/p?key=x') }, false],
    ['a query', { inner: new URLSearchParams({ q: 'x' }) }, true],
    ['a query with a secret', { inner: new URLSearchParams({ key: 'x' }) }, false],
    ['a query with a known secret', { inner: new URLSearchParams({ q: 'my-secret-1' }) }, false],
    ['a request', { inner: new Request('http://h/p') }, false],
    ['a response', { inner: new Response('x', { headers: { a: 'b' } }) }, true],
    ['a response with a secret', { inner: new Response('x', { headers: { 'x-api-key': 'x' } }) }, false],
    [
      'a response that hides its fields',
      hiding({ headers: new Headers({ a: 'b' }), url: 'https://h/' }),
      true,
    ],
    ['a secret in its headers', hiding({ headers: new Headers({ cookie: 'x' }), url: '' }), false],
    ['a secret in its address', hiding({ headers: new Headers(), url: 'https://h/?key=x' }), false],
    ['a request that hides its fields', hiding({ [Symbol.toStringTag]: 'Request' }), false],
    ['a query with a field of a secret name', { inner: new URLSearchParams({ cookie: 'x' }) }, false],
    ['a map with numbers for names', { map: new Map([[5, 'x']]) }, true],
    ['a symbol without a name', { [Symbol()]: 'x' }, true],
    ['a secret that is a large number', { password: 918_273n }, false],
    ['as many values as are looked at', { rows: Array.from({ length: 2495 }, () => 1) }, true],
    ['one more than are looked at', { rows: Array.from({ length: 2496 }, () => 1) }, false],
    ['a mark of axios', { isAxiosError: true }, false],
    ['a secret before what is nothing', { inner: { note: 'my-secret-1' }, nothing: null }, false],
    ['the headers of a request', { headers: {} }, false],
    ['what is called so and is none', { headers: 'none', request: null }, true],
    ['a secret in a set', { set: new Set(['my-secret-1']) }, false],
    ['a secret in a map', { map: new Map([['a', 'my-secret-1']]) }, false],
    ['a secret as the key of a map', { map: new Map([['my-secret-1', 'a']]) }, false],
    ['a secret as a name', { 'my-secret-1': 5 }, false],
    ['a secret in the name of a symbol', { [Symbol('my-secret-1')]: 5 }, false],
    ['a secret in another error', { other: new Error('my-secret-1') }, false],
  ])('keeps the identity of an error with %s: %#', (_what, fields, kept) => {
    const error = Object.assign(new Error('mine'), fields);
    expect(scrubCause(error, ['my-secret-1']) === error).toBe(kept);
  });

  test('half a secret that a JSON parser quotes is gone as well', () => {
    const body = 'x'.repeat(5) + 'sk-secret-0123456789';
    let quoting: unknown;
    try {
      JSON.parse(body);
    } catch (error) {
      quoting = AxiosError.from(error as AxiosError, 'ERR_BAD_RESPONSE', {} as InternalAxiosRequestConfig);
    }
    const copy = scrubCause(quoting, [body]);
    expect(inspect(copy, { showHidden: true })).not.toContain('sk-sec');
    expect((copy as Error).message).toMatch(/, the text is not valid JSON$/);
  });

  test('an endless chain of causes ends', () => {
    const error = Object.assign(new Error('round'), { isAxiosError: true, cause: undefined as unknown });
    error.cause = error;
    expect(inspect(scrubCause(error))).toContain('round');
    let count = 0;
    for (let link = scrubCause(error) as Error; link; link = link.cause as Error) count++;
    expect(count).toBe(8);
  });
});

describe('no secret comes out of a failure', () => {
  const character = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789');
  const secretText = fc
    .array(character, { minLength: 12, maxLength: 40 })
    .map((chars) => `zq${chars.join('')}`);
  const place = fc.constantFrom(
    'message',
    'name',
    'code',
    'stack',
    'cause',
    'causeField',
    'body',
    'bodyKey',
    'bodyText',
    'bodyBytes',
    'html',
    'responseHeader',
    'requestId',
    'url',
    'param',
    'ownField',
    'symbolField',
    'hiddenField',
    'map',
    'errors',
  );
  const statuses = fc.constantFrom(undefined, 200, 301, 400, 401, 404, 429, 500, 503);
  const carriers = fc.constantFrom('authorization', 'x-api-key', 'api-key', 'cookie', 'context');
  const shapes = fc.constantFrom('axios', 'fetch', 'sdk', 'user', 'object', 'connection', 'syntax');

  function visible(error: LLMError): string {
    return [
      inspect(error, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null }),
      JSON.stringify(error),
      JSON.stringify({ ...error }),
      String(error),
      error.stack,
      error.message,
    ].join('\n');
  }

  function requestHeaders(carrier: string, secret: string): Record<string, string> {
    if (carrier === 'context') return {};
    if (carrier === 'authorization') return { Authorization: `Bearer ${secret}` };
    if (carrier === 'cookie') return { Cookie: `a=b; session=${secret}` };
    return { [carrier]: secret };
  }

  interface Planted {
    places: string[];
    status: number | undefined;
    carrier: string;
    shape: string;
  }

  function failureWith(secret: string, { places, status, carrier, shape }: Planted): unknown {
    const at = (name: string): string => (places.includes(name) ? ` ${secret} ` : 'harmless');
    const body: unknown = places.includes('html')
      ? `<html><title>Oh ${secret}</title><p>${secret}</p></html>`
      : places.includes('bodyText')
        ? `${'x'.repeat(995)}${secret}`
        : places.includes('bodyBytes')
          ? Buffer.from(`{"error":"${secret}"}`)
          : {
              error: {
                message: at('body'),
                type: at('body'),
                param: at('param'),
                code: at('body'),
                [at('bodyKey')]: [at('body')],
              },
            };
    const headers = {
      'x-request-id': at('requestId'),
      'set-cookie': at('responseHeader'),
      location: `http://h/${at('responseHeader')}?a=${at('url')}`,
    };
    const config = {
      url: `http://u:${places.includes('url') ? secret : 'p'}@h/v1?q=${at('url')}`,
      headers: new AxiosHeaders(requestHeaders(carrier, secret)),
    } as unknown as InternalAxiosRequestConfig;
    const response =
      status === undefined ? undefined : { status, data: body, headers, config, statusText: at('message') };
    const cause = Object.assign(new Error(at('cause')), { code: 'ECONNRESET', field: at('causeField') });
    const plant = <T extends object>(error: T): T => {
      if (error instanceof Error && places.includes('stack')) error.stack = `${error.stack} ${secret}`;
      if (places.includes('name')) Object.assign(error, { name: at('name') });
      if (places.includes('code')) Object.assign(error, { code: at('code') });
      if (places.includes('ownField')) Object.assign(error, { own: { deep: [at('ownField')] } });
      if (places.includes('symbolField')) Object.assign(error, { [Symbol('s')]: at('symbolField') });
      if (places.includes('hiddenField'))
        Object.defineProperty(error, 'hidden', { value: at('hiddenField') });
      if (places.includes('map')) Object.assign(error, { map: new Map([[at('map'), new Set([at('map')])]]) });
      if (places.includes('errors')) Object.assign(error, { errors: [new Error(at('errors'))] });
      return error;
    };
    // The carrier must be part of the failure, or the secret be given, else nobody could know it.
    switch (shape) {
      case 'axios':
        return plant(
          new AxiosError(at('message'), 'ERR_BAD_REQUEST', config, { _header: secret }, response as never),
        );
      case 'connection':
        return plant(AxiosError.from(cause as never, 'ERR_NETWORK', config, { _header: secret }));
      case 'syntax':
        return plant(
          AxiosError.from(
            new SyntaxError(at('message')) as never,
            'ERR_BAD_RESPONSE',
            config,
            null,
            response as never,
          ),
        );
      case 'fetch':
        return plant(new TypeError('fetch failed', { cause: plant(cause) }));
      case 'sdk':
        return plant(
          Object.assign(new Error(at('message')), {
            status,
            headers: new Headers({ 'x-request-id': at('requestId').trim() }),
            error: body,
          }),
        );
      case 'user':
        return plant(new Error(at('message'), { cause: plant(cause) }));
      default:
        return plant({ status, message: at('message'), body, headers, config });
    }
  }

  const carriesItself = (shape: string): boolean =>
    ['axios', 'connection', 'syntax', 'object'].includes(shape);

  test('through fromFailure', () => {
    fc.assert(
      fc.property(
        secretText,
        fc.record({
          places: fc.uniqueArray(place, { minLength: 1, maxLength: 6 }),
          status: statuses,
          carrier: carriers,
          shape: shapes,
        }),
        (secret, planted) => {
          const failure = failureWith(secret, planted);
          const needsContext = planted.carrier === 'context' || !carriesItself(planted.shape);
          const error = fromFailure(failure, needsContext ? { secrets: [secret] } : {});
          expect(error).toBeInstanceOf(LLMError);
          expect(visible(error)).not.toContain(secret);
        },
      ),
      { numRuns: 500 },
    );
  });

  function plantEverywhere(json: unknown, secret: string): unknown {
    if (typeof json === 'string') return `${json}${secret}${json}`;
    if (Array.isArray(json)) return json.map((item) => plantEverywhere(item, secret));
    if (typeof json !== 'object' || json === null) return json;
    return Object.fromEntries(
      Object.entries(json).map(([key, value]) => [`${key}${secret}`, plantEverywhere(value, secret)]),
    );
  }

  test('through errorFromResponse', () => {
    fc.assert(
      fc.property(secretText, fc.jsonValue({ maxDepth: 4 }), statuses, (secret, json, statusCode) => {
        const planted = plantEverywhere(json, secret);
        for (const body of [
          planted,
          { error: planted },
          { message: planted, detail: planted },
          JSON.stringify(planted),
        ]) {
          const headers = { 'x-request-id': secret, location: `http://h/${secret}` };
          const error = errorFromResponse({
            statusCode,
            body,
            headers,
            secrets: [secret],
            url: `http://h/${secret}`,
          });
          expect(visible(error)).not.toContain(secret);
        }
      }),
      { numRuns: 150 },
    );
  });
});
