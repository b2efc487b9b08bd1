import { describe, expect, jest, test } from '@jest/globals';
import { inspect } from 'node:util';
import * as errors from '../../decorators/errors/index.js';
import {
  APIError,
  AuthenticationError,
  BadRequestError,
  CircuitOpenError,
  ContextLengthError,
  IncompleteStreamError,
  InternalServerError,
  LLMError,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
  StreamError,
  TimeoutError,
} from '../../decorators/errors/index.js';
import { ERROR_TABLE, isFinal, isOwnRefusal } from '../../decorators/errors/table.js';

type Row = readonly [name: string, parents: readonly string[], code: string, retryable: boolean];
const API = ['APIError', 'LLMError'];
const ROWS: readonly Row[] = [
  ['LLMError', [], 'unexpected', false],
  ['AuthenticationError', ['LLMError'], 'authentication', false],
  ['RateLimitError', ['LLMError'], 'rate_limit', true],
  ['QuotaExceededError', ['RateLimitError', 'LLMError'], 'quota_exceeded', false],
  ['APIError', ['LLMError'], 'api_error', false],
  ['BadRequestError', API, 'bad_request', false],
  ['ContextLengthError', ['BadRequestError', ...API], 'context_length', false],
  ['PermissionDeniedError', API, 'permission_denied', false],
  ['NotFoundError', API, 'not_found', false],
  ['ConflictError', API, 'conflict', true],
  ['UnprocessableEntityError', API, 'unprocessable_entity', false],
  ['InternalServerError', API, 'server_error', true],
  ['OverloadedError', ['InternalServerError', ...API], 'overloaded', true],
  ['ConnectionError', ['LLMError'], 'connection', true],
  ['TimeoutError', ['LLMError'], 'timeout_attempt', true],
  ['StreamError', ['LLMError'], 'stream', false],
  ['IncompleteStreamError', ['StreamError', 'LLMError'], 'stream_incomplete', true],
  ['AbortError', ['LLMError'], 'aborted', false],
  ['CircuitOpenError', ['LLMError'], 'circuit_open', false],
  ['QueueFullError', ['LLMError'], 'queue_full', false],
  ['BudgetExceededError', ['LLMError'], 'budget_exceeded', false],
  ['StoreUnavailableError', ['LLMError'], 'store_unavailable', false],
  ['ResponseFormatError', ['LLMError'], 'response_format', false],
  ['UnsupportedOperationError', ['LLMError'], 'unsupported_operation', false],
];
type AnyErrorClass = new (message: string) => LLMError;
const classOf = (name: string): AnyErrorClass =>
  (errors as unknown as Record<string, AnyErrorClass>)[name] as never;

describe('the hierarchy', () => {
  test.each(ROWS)('%s extends %j, has code %s and retryable %s', (name, parents, code, retryable) => {
    const error = new (classOf(name))('boom');
    expect({
      name: error.name,
      code: error.code,
      retryable: error.retryable,
      message: error.message,
    }).toEqual({
      name,
      code,
      retryable,
      message: 'boom',
    });
    const belongsTo = ROWS.map(([other]) => other).filter((other) => error instanceof classOf(other));
    expect(belongsTo.sort()).toEqual([name, ...parents].sort());
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toBe(`${name}: boom`);
    expect(error.stack).toMatch(`${name}: boom\n`);
    expect(error.attempts).toEqual([]);
  });

  test('the name stands on the prototype, so that a minifier cannot change it', () => {
    for (const [name] of ROWS)
      expect(Object.getOwnPropertyDescriptor(classOf(name).prototype, 'name')?.value).toBe(name);
    expect(Object.keys(new LLMError('x'))).not.toContain('name');
  });

  test.each([
    ['timeout_total', false],
    ['timeout_attempt', true],
    ['timeout_connect', true],
    ['timeout_first_event', true],
    ['timeout_idle', true],
  ])('a TimeoutError of code %s has retryable %s', (code, retryable) => {
    expect(new TimeoutError('late', { code })).toMatchObject({ code, retryable });
  });

  test.each([
    [400, false],
    [404, false],
    [408, true],
    [409, true],
    [418, false],
    [429, true],
    [500, true],
    [599, true],
    [undefined, false],
  ])('a plain APIError of status %s has retryable %s', (statusCode, retryable) => {
    expect(new APIError('x', statusCode).retryable).toBe(retryable);
  });

  test("our own limiter's refusal has a code of its own and is not retried", () => {
    expect(new RateLimitError('full', { origin: 'client' })).toMatchObject({
      code: 'rate_limit_client',
      retryable: false,
      origin: 'client',
    });
    expect(new QuotaExceededError('x', { origin: 'client' }).code).toBe('quota_exceeded');
    expect(new TimeoutError('x', { origin: 'client' }).code).toBe('timeout_attempt');
  });

  test('a code tells what is never retried, and what we have refused ourselves', () => {
    const codes = Object.values(ERROR_TABLE).flatMap((ofClass) => Object.keys(ofClass));
    const refused = [
      'price_unknown',
      'rate_limit_client',
      'circuit_open',
      'queue_full',
      'budget_exceeded',
      'store_unavailable',
    ];
    expect(codes.filter(isFinal).sort()).toEqual([...refused, 'timeout_total', 'aborted'].sort());
    expect(codes.filter(isOwnRefusal).sort()).toEqual([...refused, 'unsupported_operation'].sort());
    expect(isFinal('mine') || isOwnRefusal('mine')).toBe(false);
  });

  test('init decides over the table', () => {
    expect(new StreamError('x', { code: 'mine', retryable: true })).toMatchObject({
      code: 'mine',
      retryable: true,
    });
    expect(new RateLimitError('x', { code: 'mine' }).retryable).toBe(true);
  });
});

describe('fields', () => {
  test('an APIError takes status and response by position, and by init', () => {
    expect(new BadRequestError('x', 400, { a: 1 }, { param: 'model' })).toMatchObject({
      statusCode: 400,
      response: { a: 1 },
      param: 'model',
    });
    expect(new BadRequestError('x', undefined, undefined, { statusCode: 422, response: 'r' })).toMatchObject({
      statusCode: 422,
      response: 'r',
    });
  });

  test('a field that was not given is not there', () => {
    expect(Object.keys(new APIError('x')).sort()).toEqual(['attempts', 'code', 'retryable']);
  });

  test('cause is kept and not enumerable', () => {
    const cause = new Error('inner');
    const error = new LLMError('x', { cause });
    expect(error.cause).toBe(cause);
    expect(Object.keys(error)).not.toContain('cause');
    expect('cause' in new LLMError('y')).toBe(false);
  });

  test('name and cause can be changed, as those of any error', () => {
    const error = Object.assign(new LLMError('x', { cause: 1 }), { name: 'Other', cause: 2 });
    expect(String(error)).toBe('Other: x');
    expect(error.cause).toBe(2);
    expect(Reflect.deleteProperty(error, 'cause')).toBe(true);
    expect(new LLMError('y').name).toBe('LLMError');
  });

  test('a CircuitOpenError tells which circuit, where that is known', () => {
    const circuit = { key: 'acme', state: 'open', forMs: 5, reason: 'it fails' } as const;
    expect(new CircuitOpenError('x', { circuit }).circuit).toBe(circuit);
    expect(Object.keys(new CircuitOpenError('x'))).not.toContain('circuit');
  });

  test('a cause with a request is replaced, even where a user makes the error', () => {
    const axiosLike = Object.assign(new Error('bad'), {
      isAxiosError: true,
      config: { headers: { cookie: 'abcdef1' } },
    });
    const { cause } = new LLMError('x', { cause: axiosLike });
    expect(cause).not.toBe(axiosLike);
    expect(inspect(cause)).not.toContain('abcdef1');
  });

  test('toJSON gives what a log line needs, without the body', () => {
    const error = new InternalServerError(
      '500 oops',
      500,
      { echoed: 'prompt' },
      {
        requestId: 'req_1',
        retryAfterMs: 5,
        cause: Object.assign(new Error('inner'), { code: 'ECONNRESET' }),
      },
    );
    error.attempts = [
      { name: 'InternalServerError', code: 'server_error', statusCode: 500, waitMs: 0, durationMs: 3 },
    ];
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'InternalServerError',
      message: '500 oops',
      code: 'server_error',
      retryable: true,
      statusCode: 500,
      requestId: 'req_1',
      retryAfterMs: 5,
      attempts: error.attempts,
      cause: { name: 'Error', message: 'inner', code: 'ECONNRESET' },
    });
    expect(new LLMError('x', { cause: 'no error' }).toJSON()).toEqual({
      name: 'LLMError',
      message: 'x',
      code: 'unexpected',
      retryable: false,
      attempts: [],
    });
  });
});

describe("a user's subclass", () => {
  class MyError extends APIError {}
  class Deeper extends MyError {}
  class Named extends APIError {
    override name = 'Chosen';
  }

  test('is called by its own name, also in the stack', () => {
    expect(new MyError('x').name).toBe('MyError');
    expect(new Deeper('x').name).toBe('Deeper');
    expect(new Deeper('x').stack).toMatch('Deeper: x\n');
    expect(new Named('x').name).toBe('Chosen');
    expect(new APIError('x').name).toBe('APIError');
  });

  test('is called by what its prototype says, and as its parent where it has no name', () => {
    class Other extends APIError {}
    Object.defineProperty(Other.prototype, 'name', { value: 'Chosen', configurable: true, writable: true });
    expect(new Other('x').name).toBe('Chosen');
    expect(new (class extends APIError {})('x').name).toBe('APIError');
    expect(new (class extends MyError {})('x').name).toBe('MyError');
  });

  test('is an instance of its ancestors, and its parent is none of it', () => {
    expect(new Deeper('x')).toBeInstanceOf(MyError);
    expect(new Deeper('x')).toBeInstanceOf(LLMError);
    expect(new APIError('x') instanceof MyError).toBe(false);
    expect(new MyError('x') instanceof Deeper).toBe(false);
    expect({} instanceof MyError).toBe(false);
  });

  test('has the code and retryability of its nearest ancestor', () => {
    class Mine extends OverloadedError {}
    expect(new Mine('x', 529)).toMatchObject({ code: 'overloaded', retryable: true, statusCode: 529 });
    class Busy extends RateLimitError {}
    expect(new Busy('x', { origin: 'client' }).code).toBe('rate_limit_client');
  });
});

describe('instanceof', () => {
  test('holds across two loaded copies of the package', () => {
    jest.isolateModules(() => {
      const other = jest.requireActual<typeof errors>('../../decorators/errors/index');
      expect(other.APIError).not.toBe(APIError);
      const foreign = new other.ContextLengthError('long', 400);
      expect(foreign instanceof ContextLengthError).toBe(true);
      expect(foreign instanceof BadRequestError).toBe(true);
      expect(foreign instanceof LLMError).toBe(true);
      expect(foreign instanceof AuthenticationError).toBe(false);
      expect(new IncompleteStreamError('x') instanceof other.StreamError).toBe(true);
      expect(new StreamError('x') instanceof other.IncompleteStreamError).toBe(false);
      expect(errors.fromFailure(foreign)).toBe(foreign);
    });
  });

  test('holds for what has the mark of a class, whichever copy gave it', () => {
    const mark = (name: string): symbol => Symbol.for(`keelson.error.${name}`);
    const foreign: unknown = { [mark('LLMError')]: true, [mark('RateLimitError')]: true };
    expect(foreign instanceof LLMError).toBe(true);
    expect(foreign instanceof RateLimitError).toBe(true);
    expect(foreign instanceof QuotaExceededError).toBe(false);
  });

  test('is false for anything that is no error', () => {
    for (const value of [undefined, null, 'LLMError', 1, {}, new Error('x'), () => 1]) {
      expect(value instanceof LLMError).toBe(false);
    }
  });

  test('narrows the type', () => {
    const thrown: unknown = new RateLimitError('x', { retryAfterMs: 5 });
    expect(thrown instanceof RateLimitError && thrown.retryAfterMs).toBe(5);
  });
});
