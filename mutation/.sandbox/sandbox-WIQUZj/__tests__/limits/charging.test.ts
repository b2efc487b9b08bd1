// @ts-nocheck
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RateLimitError } from '../../decorators/errors/index';
import { Limiter } from '../../decorators/limits/index';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';
import { Admission, FakeCall, hostEstimating } from './fake-call';

let runtime: VirtualRuntime;
let restore: () => void;
beforeEach(() => {
  ({ runtime, restore } = installVirtualRuntime());
});
afterEach(() => restore());

const LIMIT = 60_000;
const [INPUT, BOUND, OUTPUT] = [100, 200, 50];

/** A provider with 60,000 tokens a minute, in a bucket of 6000; counts a call as what it was allowed, or as what it used. */
class Provider {
  refused = 0;
  /** Refused after the first ten seconds, in which the limiter finds out. */
  refusedLate = 0;
  admitted = 0;
  private level = 6000;
  private at = runtime.now();

  constructor(private readonly counts: 'allowed' | 'used') {}

  arrive(tokens: number): { ok: boolean; remaining: number } {
    this.refill();
    const ok = this.level >= tokens;
    if (ok) this.level -= tokens;
    if (ok) this.admitted++;
    else this.refused++;
    if (!ok && runtime.now() > 10_000) this.refusedLate++;
    return { ok, remaining: Math.floor(this.level) };
  }

  answer(): void {
    this.refill();
    if (this.counts === 'used') this.level = Math.min(6000, this.level + BOUND - OUTPUT);
  }

  private refill(): void {
    this.level = Math.min(6000, this.level + ((runtime.now() - this.at) * LIMIT) / 60_000);
    this.at = runtime.now();
  }
}

/** Twenty workers call it for two minutes; a call takes half a second. */
async function run(provider: Provider, estimatedInput: (i: number) => number): Promise<Limiter> {
  const limiter = new Limiter({ tokensPerMinute: LIMIT, tokenBurst: 6000 });
  let calls = 0;
  const worker = async (): Promise<void> => {
    while (runtime.now() < 120_000) {
      const call = new FakeCall({ self: hostEstimating(estimatedInput(calls++), BOUND) });
      const admission = new Admission(limiter, call);
      while (admission.state === 'waits') await settled();
      const { ok, remaining } = provider.arrive(INPUT + BOUND);
      await new Promise<void>((resolve) => runtime.setTimer(resolve, ok ? 500 : 1));
      const limits = { tokens: { limit: LIMIT, remaining, resetMs: 6000 - remaining } };
      if (ok) {
        provider.answer();
        admission.end({ facts: { limits, usage: { inputTokens: INPUT, outputTokens: OUTPUT } } });
      } else {
        const error = new RateLimitError('slow', { statusCode: 429, retryAfterMs: 10 });
        admission.end({ error, facts: { limits } });
      }
    }
  };
  const workers = Array.from({ length: 20 }, worker);
  await runtime.advance(130_000);
  await Promise.all(workers);
  return limiter;
}

describe('a limiter of tokens', () => {
  it('keeps to a provider that counts a call as what it was allowed, whatever it used', async () => {
    const provider = new Provider('allowed');
    await run(provider, () => INPUT);
    const most = (6000 + 2 * LIMIT) / (INPUT + BOUND);
    expect(provider.admitted).toBeGreaterThan(most * 0.97);
    expect(provider.refused).toBeLessThan(most * 0.05);
    expect(provider.refusedLate).toBe(0);
  });

  it('keeps to it though its estimates of the input are off, and differ from call to call', async () => {
    const provider = new Provider('allowed');
    await run(provider, (i) => INPUT * (i % 2 ? 0.6 : 0.9));
    const most = (6000 + 2 * LIMIT) / (INPUT + BOUND);
    expect(provider.admitted).toBeGreaterThan(most * 0.97);
    expect(provider.refused).toBeLessThan(most * 0.05);
    expect(provider.refusedLate).toBeLessThan(most * 0.01);
  });

  it('uses what a provider gives back that counts a call as what it used', async () => {
    const provider = new Provider('used');
    await run(provider, () => INPUT);
    // Twenty workers cannot have more calls in half a second than forty a second.
    const most = Math.min((6000 + 2 * LIMIT) / (INPUT + OUTPUT), 20 * 2 * 120);
    expect(provider.admitted).toBeGreaterThan(most * 0.97);
    expect(provider.refused).toBe(0);
  });

  it('does not give back to itself what a refusal has shown to be gone', async () => {
    const limiter = new Limiter({ tokensPerMinute: 1000 });
    const call = new FakeCall({ self: hostEstimating(100, 200) });
    const admission = new Admission(limiter, call);
    const limits = { tokens: { limit: 1000, remaining: 150, resetMs: 51_000 } };
    admission.end({ error: new RateLimitError('slow', { statusCode: 429 }), facts: { limits } });
    expect(limiter.snapshot()['default']?.tokens?.available).toBe(150);
  });
});
