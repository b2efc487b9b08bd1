// @ts-nocheck
import { describe, expect, it, jest } from '@jest/globals';
import {
  LLMError,
  OpenAICompatibleClient,
  type CallOptions,
  type ChatCompletion,
  type ChatInput,
  type ErrorResponse,
} from 'keelson';
import { describeProvider, openAIWire, type MakeClient, type ProviderWire } from 'keelson/testing';

jest.setTimeout(30_000);

/** The names of the checks, and of those that fail, as a runner of its own sees them. */
async function verdict(
  make: MakeClient,
  { wire, only = /./ }: { wire?: ProviderWire; only?: RegExp } = {},
): Promise<{ all: string[]; failed: string[] }> {
  const tests: [string, () => Promise<void>][] = [];
  let group = '';
  describeProvider(make, {
    ...(wire && { wire }),
    timeoutMs: 1000,
    runner: {
      describe(name, body) {
        group = name;
        body();
      },
      test: (name, body) => tests.push([`${group} ${name}`, body]),
    },
  });
  const failed: string[] = [];
  for (const [name, body] of tests) if (only.test(name)) await body().catch(() => failed.push(name));
  return { all: tests.map(([name]) => name), failed };
}

class Sound extends OpenAICompatibleClient {
  static override readonly provider = { name: 'sound', baseURL: 'https://sound.example' };
}

describe('describeProvider', () => {
  it('finds nothing wrong with a sound class, in some seventy checks', async () => {
    const { all, failed } = await verdict((options) => new Sound(options));
    expect(failed).toEqual([]);
    expect(all.length).toBeGreaterThan(65);
    expect(new Set(all).size).toBe(all.length);
  });

  it.each<[string, typeof OpenAICompatibleClient, RegExp]>([
    [
      'sends another key',
      class extends Sound {
        protected override authHeaders() {
          return { authorization: 'Bearer other' };
        }
      },
      /^chat sends one POST/,
    ],
    [
      'leaves the tools out',
      class extends Sound {
        protected override chatRequest(input: ChatInput) {
          return super.chatRequest({ ...input, params: { ...input.params, tools: undefined } });
        }
      },
      /^tools sends the tools/,
    ],
    [
      'forgets the usage',
      class extends Sound {
        protected override chatResult(answer: unknown, input: ChatInput) {
          return { ...super.chatResult(answer, input), usage: undefined } as unknown as ChatCompletion;
        }
      },
      /^chat gives the usage/,
    ],
    [
      'loses tool results',
      class extends Sound {
        protected override chatRequest(input: ChatInput) {
          return super.chatRequest({
            ...input,
            messages: input.messages.filter(({ role }) => role !== 'tool'),
          });
        }
      },
      /^tools takes calls and their results back/,
    ],
    [
      'ends a stream at its first content',
      class extends Sound {
        protected override chatEvents() {
          return { isDone: ({ data }: { data: string }) => /"content":"[^"]/.test(data) };
        }
      },
      /^streams gives chunks in the form/,
    ],
    [
      'does not know limits',
      class extends Sound {
        protected override readRateLimit() {
          return undefined;
        }
      },
      /^failures and answers tell of limits/,
    ],
    [
      'shows what a server echoes',
      class extends Sound {
        protected override readError({ body }: ErrorResponse) {
          return new LLMError(JSON.stringify(body), { provider: 'sound' });
        }
      },
      /^secrets that a server echoes in a failure/,
    ],
    [
      'tries nothing again',
      class extends Sound {
        protected override readError(response: ErrorResponse) {
          const { message, ...rest } = super.readError(response);
          return new LLMError(message, { ...rest, retryable: false });
        }
      },
      /^failures that pass are survived/,
    ],
    [
      'splits no list of texts',
      class extends Sound {
        protected override embeddingLimits() {
          return { inputs: Infinity, tokens: Infinity };
        }
      },
      /^embeddings of many texts/,
    ],
    [
      'waits for a call that is aborted',
      class extends Sound {
        protected override send<T>(
          path: string,
          init: object,
          options: CallOptions,
          read?: (answer: unknown) => T,
        ) {
          return super.send(path, init, { ...options, signal: new AbortController().signal }, read);
        }
      },
      /^aborts end a call that waits/,
    ],
  ])('finds a class that %s', async (_, Class, expected) => {
    const { failed } = await verdict((options) => new Class(options), { only: expected });
    expect(failed).toHaveLength(1);
  });

  it('leaves out what the provider has not, and checks that embeddings are refused then', async () => {
    const wire = openAIWire({ embeddings: false, lacks: ['tools', 'reasoning', 'cached'] });
    class Mute extends OpenAICompatibleClient {
      static override readonly provider = { name: 'mute', hasEmbeddings: false };
    }
    const { all, failed } = await verdict((options) => new Mute(options), { wire });
    expect(failed).toEqual([]);
    expect(all.filter((name) => /^tools|reasoning as it comes|from a cache/.test(name))).toEqual([]);
    expect(all).toContain('embeddings of a provider without them are an UnsupportedOperationError');
    const claims = await verdict((options) => new Sound(options), { wire, only: /^embeddings/ });
    expect(claims.failed).toEqual(['embeddings of a provider without them are an UnsupportedOperationError']);
  });

  it('says what to do where the functions of the runner are not global', () => {
    const { describe: suite, test, it: other } = globalThis as any;
    Object.assign(globalThis, { describe: undefined, test: undefined, it: undefined });
    try {
      expect(() => describeProvider((options) => new Sound(options))).toThrow(
        /import them from '@jest\/globals' and give `runner: \{ describe, test \}`/,
      );
    } finally {
      Object.assign(globalThis, { describe: suite, test, it: other });
    }
  });
});
