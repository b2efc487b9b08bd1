// @ts-nocheck
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { createProject, type Project } from './project.js';

let project: Project;
let server: RedisServer;

/** One process: makes calls against a limiter on Redis, and writes a line for each that is admitted. */
const WORKER = `
  const task = JSON.parse(process.argv[2]);
  // The clocks of processes differ.
  for (const clock of [Date, performance]) {
    const now = clock.now.bind(clock);
    clock.now = () => now() + task.skewMs;
  }
  const { Limiter } = await import('keelson');
  const { RedisStore } = await import('keelson/redis');
  let redis;
  if (task.client === 'ioredis') redis = new (await import('ioredis')).Redis({ port: task.port });
  else redis = (await import('redis')).createClient({ url: 'redis://127.0.0.1:' + task.port });
  redis.on('error', () => undefined);
  if (task.client !== 'ioredis') await redis.connect();
  const store = new RedisStore(redis, { name: task.name, whenDown: 'closed', leaseMs: task.leaseMs ?? 30_000, timeoutMs: 2000 });
  const limiter = new Limiter({ ...task.limits, store, cost: (call) => call.args[0], maxWaitMs: 100_000 });
  const nothing = () => undefined;
  const callOf = (tokens) => ({
    self: {}, label: 'call', args: [tokens], options: {}, attempt: 1, attempts: [], entered: true, aborted: false,
    deadline: undefined, facts: {}, throwIfAborted: nothing, emit: nothing, onAbort: () => nothing,
  });
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  let arrivals = 0;
  async function admitted(tokens) {
    for (;;) {
      const arrival = arrivals++;
      try {
        const lease = await limiter.admit(callOf(tokens));
        const { inFlight } = limiter.snapshot().default.concurrency;
        console.log(JSON.stringify({ at: lease.at, tokens, arrival, inFlight }));
        return lease;
      } catch (error) {
        if (error.code !== 'store_unavailable') throw error;
        await pause(50);
      }
    }
  }
  let left = task.calls;
  const work = async () => {
    while (left > 0) {
      const tokens = 1 + ((left * 7919) % 40);
      left--;
      const lease = await admitted(tokens);
      if (task.holds) await new Promise(nothing);
      await pause(5);
      lease.settle({}, { usage: { inputTokens: 0, outputTokens: tokens } });
    }
  };
  await Promise.all(Array.from({ length: task.workers }, work));
  await store.close();
  // It may be without a connection at this moment.
  await redis.quit().catch(nothing);
`;

interface Admitted {
  readonly at: number;
  readonly tokens: number;
  readonly arrival: number;
  readonly inFlight: number;
}

interface Task {
  client: 'ioredis' | 'node-redis';
  name: string;
  limits: Record<string, number>;
  calls: number;
  workers: number;
  skewMs: number;
  leaseMs?: number;
  holds?: boolean;
}

const started = new Set<Worker>();

class Worker {
  readonly admitted: Admitted[] = [];
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;
  private errors = '';

  constructor(task: Task, onAdmitted: (worker: Worker) => void = () => undefined) {
    const argument = JSON.stringify({ ...task, port: server.port });
    this.child = spawn(process.execPath, ['shared-worker.mjs', argument], {
      cwd: project.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    started.add(this);
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.admitted.push(JSON.parse(line) as Admitted);
      onAdmitted(this);
    });
    this.child.stderr?.on('data', (text) => (this.errors += text));
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  async succeeded(): Promise<void> {
    const code = await this.ended;
    expect({ code, errors: this.errors }).toEqual({ code: 0, errors: '' });
  }
}

beforeAll(async () => {
  project = await createProject();
  writeFileSync(join(project.folder, 'shared-worker.mjs'), WORKER);
}, 60_000);
afterAll(() => {
  // One that a failed test has left behind would keep the run alive.
  for (const worker of started) worker.kill();
  project.remove();
});

beforeAll(async () => {
  server = await startRedis();
}, 30_000);
afterAll(() => server.stop());

const LIMITS = {
  requestsPerMinute: 30_000,
  requestBurst: 40,
  tokensPerMinute: 600_000,
  tokenBurst: 800,
  maxConcurrent: 12,
};

/** Four processes whose clocks are far apart, by both clients. */
function fourProcesses(name: string, onAdmitted?: (worker: Worker) => void): Worker[] {
  return [0, -3_600_000, 86_400_000, 1e9].map((skewMs, i) => {
    const client = i % 2 === 0 ? 'ioredis' : 'node-redis';
    return new Worker({ client, name, limits: LIMITS, calls: 150, workers: 10, skewMs }, onAdmitted);
  });
}

/** The most by which what was admitted in any stretch of time exceeds what the rate gives for it. */
function worstExcess(
  admitted: readonly Admitted[],
  amount: (call: Admitted) => number,
  perMinute: number,
): number {
  let [worst, running, last] = [0, 0, 0];
  for (const call of [...admitted].sort((a, b) => a.at - b.at)) {
    running = Math.max(0, running - ((call.at - last) * perMinute) / 60_000) + amount(call);
    last = call.at;
    worst = Math.max(worst, running);
  }
  return worst;
}

/** Redis counts in whole milliseconds: what is refilled within one. */
const perMs = (perMinute: number): number => Math.ceil(perMinute / 60_000);

function expectWithinLimits(workers: readonly Worker[], bursts = 1): void {
  const all = workers.flatMap(({ admitted }) => admitted);
  const { requestsPerMinute, requestBurst, tokensPerMinute, tokenBurst, maxConcurrent } = LIMITS;
  expect(all).toHaveLength(600);
  expect(worstExcess(all, () => 1, requestsPerMinute)).toBeLessThanOrEqual(
    bursts * requestBurst + perMs(requestsPerMinute),
  );
  expect(worstExcess(all, ({ tokens }) => tokens, tokensPerMinute)).toBeLessThanOrEqual(
    bursts * tokenBurst + perMs(tokensPerMinute),
  );
  expect(Math.max(...all.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(maxConcurrent);
}

describe('processes that share a limiter on Redis', () => {
  test('keep to its limits together, whatever their clocks say, each in order of arrival', async () => {
    const workers = fourProcesses('skewed');
    await Promise.all(workers.map((worker) => worker.succeeded()));
    expectWithinLimits(workers);
    for (const { admitted } of workers) {
      const order = admitted.map(({ arrival }) => arrival);
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
  }, 60_000);

  test('go on when the scripts are flushed again and again', async () => {
    const redis = new Redis({ port: server.port });
    const workers = fourProcesses('flushed', () => void redis.script('FLUSH'));
    await Promise.all(workers.map((worker) => worker.succeeded()));
    await redis.quit();
    expectWithinLimits(workers);
  }, 60_000);

  test('go on without one that is killed while it holds every place and stands in line', async () => {
    const limits = { maxConcurrent: 3 };
    const task: Task = {
      client: 'ioredis',
      name: 'killed',
      limits,
      calls: 4,
      workers: 4,
      skewMs: 0,
      leaseMs: 1000,
    };
    let survivor: Worker | undefined;
    const victim = new Worker({ ...task, holds: true }, (worker) => {
      if (worker.admitted.length < 3) return;
      survivor = new Worker({ ...task, client: 'node-redis', calls: 20 });
      worker.kill();
    });
    expect(await victim.ended).toBeNull();
    await survivor?.succeeded();
    expect(survivor?.admitted).toHaveLength(20);
  }, 60_000);

  test('go on when Redis is restarted, though it has forgotten everything', async () => {
    let restarted: Promise<void> | undefined;
    const restart = async (): Promise<void> => {
      const { port } = server;
      await server.stop();
      server = await startRedis([], port);
    };
    const workers = fourProcesses('restarted', () => {
      const count = workers.reduce((sum, { admitted }) => sum + admitted.length, 0);
      if (count >= 200) restarted ??= restart();
    });
    try {
      await Promise.all(workers.map((worker) => worker.succeeded()));
    } finally {
      await restarted;
    }
    // What had been used before the restart is not known after it.
    expectWithinLimits(workers, 2);
  }, 60_000);
});
