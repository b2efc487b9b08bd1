// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import {
  APIError,
  ConnectionError,
  HandleApiErrors,
  LLMError,
  RetryWithBackoff,
} from '../../decorators/index.js';
import { collect, failureOf } from '../support/policies';

const reset = () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });

class Client {
  @HandleApiErrors()
  async fails(error: unknown): Promise<void> {
    throw error;
  }
  @RetryWithBackoff({ maxRetries: 0 })
  async unmapped(error: unknown): Promise<void> {
    throw error;
  }
  @HandleApiErrors()
  async *stream(error: unknown, events: number): AsyncGenerator<number> {
    for (let i = 0; i < events; i++) yield i;
    throw error;
  }
  @HandleApiErrors(false)
  async off(error: unknown): Promise<void> {
    throw error;
  }
}

describe('@HandleApiErrors', () => {
  it('replaces what is thrown by an error of the hierarchy', async () => {
    expect(await failureOf(new Client().fails(reset()))).toBeInstanceOf(ConnectionError);
  });

  it('leaves an error of the hierarchy as it is', async () => {
    const error = new APIError('503', 503);
    expect(await failureOf(new Client().fails(error))).toBe(error);
  });

  it.each([new RangeError('a bug'), 'a string', undefined, null, 0, { plain: true }])(
    'wraps what nobody recognises: %p',
    async (thrown) => {
      const error = (await failureOf(new Client().fails(thrown))) as LLMError;
      expect(error).toBeInstanceOf(LLMError);
      expect(error).toMatchObject({
        code: 'unexpected',
        retryable: false,
        attempts: [{ code: 'unexpected' }],
      });
    },
  );

  it.each([0, 2])('maps what a stream throws after %d events', async (events) => {
    expect(await failureOf(collect(new Client().stream(reset(), events)))).toBeInstanceOf(ConnectionError);
  });

  it('is what replaces errors: without it the caller gets what was thrown', async () => {
    const raw = reset();
    expect(await failureOf(new Client().unmapped(raw))).toBe(raw);
    expect(await failureOf(new Client().off(raw))).toBe(raw);
  });
});
