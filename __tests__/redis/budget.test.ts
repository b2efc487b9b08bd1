import { describe, expect, it } from '@jest/globals';
import { Budget, currentCall, SpendingBudget } from '../../decorators/index';
import { failureOf } from '../support/policies';
import { clientNames, cost, redisSuite } from './support';

const HOUR = 3_600_000;
const limits = (tokens: number, endsInMs: number) => ({
  rates: [{ name: 'tokens' as const, unit: 'tokens' as const, limit: tokens, windowMs: HOUR, burst: tokens }],
  maxConcurrent: undefined,
  endsInMs,
});

describe.each(clientNames)('a balance of one window, with %s', (name) => {
  const suite = redisSuite(name);

  it('is not refilled before the window ends, and is forgotten after', async () => {
    const store = suite.store();
    const take = (tokens: number, endsInMs: number) =>
      store.take('key', { limits: limits(100, endsInMs), costs: [cost(0, tokens)], running: 0 });
    expect(await take(100, HOUR)).toMatchObject({ granted: 1, used: [100] });
    expect(await suite.ttl()).toBeGreaterThan(HOUR);
    expect(await suite.ttl()).toBeLessThanOrEqual(HOUR + 60_000);
    await suite.runtime.advance(HOUR / 2);
    expect(await take(1, HOUR / 2)).toMatchObject({ granted: 0, used: [100] });
    expect(await suite.ttl()).toBeLessThanOrEqual(HOUR / 2 + 60_000);
    // Settled when the window is over.
    await store.settle('key', { limits: limits(100, 0), reserved: cost(0, 100), used: cost(0, 40) });
    expect(await suite.ttl()).toBeLessThanOrEqual(60_000);
  });

  it('has no line: a large call that was refused lets a small one of another process past', async () => {
    const [a, b] = [suite.store(), suite.store()];
    const request = (tokens: number) => ({ limits: limits(100, HOUR), costs: [cost(0, tokens)], running: 0 });
    await a.take('key', request(50));
    const refused = await a.take('key', request(60));
    expect(refused).toMatchObject({ granted: 0 });
    expect(refused.place).toBeUndefined();
    expect(refused.waitMs).toBeGreaterThan(0);
    expect(await b.take('key', request(50))).toMatchObject({ granted: 1 });
  });

  it('makes a budget of processes together, to the billionth of a dollar', async () => {
    const processes = [1, 2].map(() => {
      const budget = new SpendingBudget({
        usd: 0.0001,
        per: 'day',
        model: 'gpt-4o-mini',
        store: suite.store(),
      });
      class Service {
        @Budget(budget)
        async ask(tokens: number) {
          currentCall()?.report({ usage: { inputTokens: tokens, outputTokens: 0 } });
        }
      }
      return { budget, service: new Service() };
    });
    const [a, b] = processes as [(typeof processes)[0], (typeof processes)[0]];
    // The first reserves 500 tokens of output ($0.0003): too much until more is allowed.
    expect(await failureOf(a.service.ask(1))).toMatchObject({ code: 'budget_exceeded' });
    for (const { budget } of processes) budget.update({ usd: 0.0004 });
    for (let i = 0; i < 4; i++) {
      for (const { service } of [a, b]) {
        await service.ask(1);
        await suite.redis.idle();
      }
    }
    await b.service.ask(1);
    await suite.redis.idle();
    expect(b.budget.snapshot()['usd per day']?.['default']).toMatchObject({
      used: 0.00000135,
      reserved: 0,
      store: 'up',
    });
    const hash = await suite.hash('budget:usd per day:default:2023-11-14T00:00:00.000Z');
    expect(hash['r:tokens']).toMatch(/^1350:/);
  });
});
