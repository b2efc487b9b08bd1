import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LLMError, OpenAIClient, RateLimitError, TimeoutError, InternalServerError } from 'keelson';
import { chooseRoute } from '../../src/router/choose.js';
import { PeakEwma } from '../../src/router/peak-ewma.js';
import { isFaultOfRoute, maySucceedElsewhere, Route } from '../../src/router/route.js';
import { installVirtualRuntime, type VirtualRuntime } from '../support/virtual-runtime.js';

let time: VirtualRuntime;
let restore: () => void;
beforeEach(() => void ({ runtime: time, restore } = installVirtualRuntime()));
afterEach(() => restore());

const client = new OpenAIClient({ apiKey: 'sk-0123456789abcdef' });
const coolDown = { coolDownMs: 1000, maxCoolDownMs: 60_000 };
const errand = { operation: 'chat', tokens: 0 };
const failure = (statusCode: number, init = {}) =>
  new LLMError('x', { statusCode, retryable: true, ...init });

describe('the running mean of a latency', () => {
  it('believes what is slower at once, and what is faster in time', async () => {
    const mean = new PeakEwma();
    mean.add(100, 0);
    mean.add(900, 1);
    expect(mean.at(1)).toBeCloseTo(900);
    mean.add(100, 2);
    expect(mean.at(2)).toBeGreaterThan(890);
    mean.add(100, 60_000);
    expect(mean.at(60_000)).toBeLessThan(110);
  });

  it('stays between the least and the most that was measured, and fades', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(10_000), fc.nat(60_000)), { minLength: 1 }), (history) => {
        const mean = new PeakEwma();
        let now = 0;
        for (const [latency, after] of history) mean.add(latency, (now += after));
        const latencies = history.map(([latency]) => latency);
        expect(mean.at(now)).toBeLessThanOrEqual(Math.max(...latencies) + 1e-9);
        expect(mean.at(now)).toBeGreaterThanOrEqual(Math.min(...latencies) - 1e-9);
        expect(mean.at(now + 600_000)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('the choice of a route', () => {
  it('is never one that is cooling down, and of the lowest order that is healthy', () => {
    const spec = fc.record({
      order: fc.nat(2),
      cooling: fc.boolean(),
      weight: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(
        fc.array(spec),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (specs, chance) => {
          time.chance = chance;
          const routes = specs.map(({ order, weight }, i) => new Route(String(i), { client, order, weight }));
          routes.forEach((route, i) => specs[i]?.cooling && route.failed(failure(500), coolDown));
          const chosen = chooseRoute(routes, errand);
          const healthy = routes.filter((_, i) => !specs[i]?.cooling);
          if (healthy.length === 0) return expect(chosen).toBeUndefined();
          expect(healthy).toContain(chosen);
          expect(chosen?.order).toBe(Math.min(...healthy.map(({ order }) => order)));
        },
      ),
    );
  });

  it('is the better of two: by running calls, latency, weight and what is left of the limits', () => {
    const two = () => [new Route('a', { client }), new Route('b', { client })] as const;
    const chosen = (...routes: Route[]) => chooseRoute(routes, errand)?.name;
    const [a, b] = two();
    a.begin();
    expect(chosen(a, b)).toBe('b');
    const [c, d] = two();
    c.answered('chat', 500);
    d.answered('chat', 400);
    expect(chosen(c, d)).toBe('b');
    c.answered('embeddings', 1);
    expect(chosen(c, d)).toBe('b');
    const [e, f] = two();
    e.answered('chat', 400);
    f.answered('chat', 400);
    e.observe({ requests: { limit: 100, remaining: 10, resetMs: 1000 } });
    expect(chosen(e, f)).toBe('b');
    const heavy = new Route('heavy', { client, weight: 3 });
    const light = new Route('light', { client });
    for (const route of [heavy, light]) {
      route.begin();
      route.answered('chat', 100);
    }
    expect(chosen(light, heavy)).toBe('heavy');
  });

  it('counts the wait for the route’s own limiter', () => {
    const busy = new OpenAIClient({
      apiKey: 'sk-0123456789abcdef',
      rateLimit: { tokensPerMinute: 600, tokenBurst: 100 },
    });
    const [a, b] = [new Route('a', { client: busy }), new Route('b', { client })];
    b.answered('chat', 2000);
    expect(chooseRoute([a, b], { operation: 'chat', tokens: 10 })?.name).toBe('a');
    busy.limiter?.observe({ tokens: { limit: 600, remaining: 0 } });
    expect(chooseRoute([a, b], { operation: 'chat', tokens: 100 })?.name).toBe('b');
  });

  it('spreads by weight where nothing else speaks', () => {
    const counts: Record<string, number> = { heavy: 0, light: 0, other: 0 };
    for (let i = 0; i < 1000; i++) {
      time.chance = i / 1000;
      const routes = ['heavy', 'light', 'other'].map(
        (name) => new Route(name, { client, weight: name === 'heavy' ? 8 : 1 }),
      );
      const name = chooseRoute(routes, errand)?.name ?? '';
      counts[name] = (counts[name] ?? 0) + 1;
    }
    expect(counts['heavy']).toBeGreaterThan(700);
  });
});

describe('the cool-down', () => {
  it('doubles with each failure in a row, up to the longest, and begins anew after a success', async () => {
    const route = new Route('a', { client });
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      waits.push(route.failed(failure(500), coolDown));
      // Calls that were sent before count once.
      expect(route.failed(failure(500), coolDown)).toBe(waits[i]);
      await time.advance(waits[i] ?? 0);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    route.succeeded();
    expect(route.failed(failure(500), coolDown)).toBe(1000);
    await time.advance(60_000);
    expect(route.snapshot(time.now())).toMatchObject({ failures: 17, coolingForMs: 0 });
  });

  it.each([
    ['a provider’s wait', new RateLimitError('x', { retryAfterMs: 90_000 }), 90_000],
    ['a short one', new RateLimitError('x', { retryAfterMs: 5 }), 1000],
    ['a refused key', failure(401, { retryable: false }), 60_000],
    ['an account without money', new LLMError('x', { code: 'quota_exceeded', retryable: false }), 60_000],
    ['a missing model', failure(404, { retryable: false }), 60_000],
    ['a timeout', new TimeoutError('x'), 1000],
    ['a wrong request', failure(400, { retryable: false }), 0],
    ['the end of its client', new LLMError('x', { code: 'aborted' }), 1000],
    ['the deadline of its client', new TimeoutError('x', { code: 'timeout_total' }), 1000],
    ['a key that could not be had', new LLMError('x', { code: 'authentication' }), 60_000],
    ['our own limiter', new RateLimitError('x', { origin: 'client' }), 0],
  ])('of %s', (_what, error, expected) => {
    const route = new Route('a', { client });
    expect(route.failed(error, coolDown)).toBe(expected);
    expect(route.coolingForMs(time.now())).toBe(expected);
    expect(isFaultOfRoute(error)).toBe(expected > 0);
  });

  it('does not follow what its caller or the router has ended', () => {
    const route = new Route('a', { client });
    expect(route.failed(new LLMError('x', { code: 'aborted' }), coolDown, true)).toBe(0);
    expect(route.failed(new TimeoutError('x', { code: 'timeout_total' }), coolDown, true)).toBe(0);
  });

  it('is not needed to go elsewhere', () => {
    for (const code of [
      'circuit_open',
      'budget_exceeded',
      'queue_full',
      'store_unavailable',
      'client_closed',
    ]) {
      expect(maySucceedElsewhere(new LLMError('x', { code, retryable: false }))).toBe(true);
    }
    expect(maySucceedElsewhere(new RateLimitError('x', { origin: 'client' }))).toBe(true);
    expect(maySucceedElsewhere(failure(400, { retryable: false }))).toBe(false);
    expect(maySucceedElsewhere(new InternalServerError('x', 500))).toBe(true);
  });
});

describe('what is left of a provider’s limits', () => {
  it('is the least that it told, until that window is over', async () => {
    const route = new Route('a', { client });
    expect(route.snapshot(0).quotaLeft).toBeUndefined();
    route.observe({
      requests: { limit: 100, remaining: 50, resetMs: 10 },
      tokens: { limit: 1000, remaining: 100, resetMs: 2000 },
    });
    expect(route.snapshot(time.now()).quotaLeft).toBe(0.1);
    await time.advance(2000);
    expect(route.snapshot(time.now()).quotaLeft).toBeUndefined();
    route.observe({ requests: { remaining: 5 } });
    route.observe(undefined);
    expect(route.snapshot(time.now()).quotaLeft).toBeUndefined();
  });
});
