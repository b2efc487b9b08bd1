// @ts-nocheck
import { runtime } from '../../../decorators/pipeline/runtime.js';
import { chatChecks } from './checks/chat.js';
import { embeddingChecks } from './checks/embeddings.js';
import { endChecks } from './checks/ends.js';
import { failureChecks } from './checks/failures.js';
import { secretChecks } from './checks/secrets.js';
import { streamChecks } from './checks/streams.js';
import { toolChecks } from './checks/tools.js';
import { Lab, type Check, type MakeClient } from './lab.js';
import { openAIWire } from './openai-wire.js';
import { findRunner, type TestRunner } from './runner.js';
import type { ProviderWire } from './wire.js';

/** What `describeProvider()` may be told. */
export interface DescribeProviderOptions {
  /** Title of the suite. Default: `a provider`. */
  readonly name?: string;
  /** How the provider's server speaks. Default: `openAIWire()`. */
  readonly wire?: ProviderWire;
  /** The test runner's functions. Default: the global ones, else those of node:test. */
  readonly runner?: TestRunner;
  /** Milliseconds that a check may take before it fails. Default 4,000: less than runners allow. */
  readonly timeoutMs?: number;
}

const CHECKS: readonly Check[] = [
  ...chatChecks,
  ...toolChecks,
  ...streamChecks,
  ...failureChecks,
  ...endChecks,
  ...secretChecks,
  ...embeddingChecks,
];

/**
 * Declares a suite of some seventy tests that a provider's class must pass: chat, tools both ways, streams however they
 * are cut, usage, failures by kind, retries, limits, aborts, timeouts, secrets, embeddings. Each test starts a server on
 * 127.0.0.1 that speaks the provider's wire, and makes a client of it with the options given to `make`.
 *
 * @example
 * describeProvider((options) => new HarbourClient(options), { name: 'HarbourClient' });
 */
export function describeProvider(make: MakeClient, options: DescribeProviderOptions = {}): void {
  const { name = 'a provider', wire = openAIWire(), runner, timeoutMs = 4000 } = options;
  const { describe, test } = findRunner(runner);
  const groups = new Map<string, Check[]>();
  for (const check of CHECKS) {
    if (check.applies?.(wire) === false) continue;
    groups.set(check.group, [...(groups.get(check.group) ?? []), check]);
  }
  describe(name, () => {
    for (const [group, checks] of groups) {
      describe(group, () => {
        for (const check of checks) test(check.name, () => run(check, new Lab(wire, make), timeoutMs));
      });
    }
  });
}

async function run(check: Check, lab: Lab, timeoutMs: number): Promise<void> {
  await lab.server.listen();
  let cancelTimer = (): void => undefined;
  const late = new Promise<never>((_resolve, reject) => {
    cancelTimer = runtime().setTimer(
      () => reject(new Error(`It did not end within ${timeoutMs} ms: something waits for ever.`)),
      timeoutMs,
    );
  });
  try {
    await Promise.race([check.run(lab), late]);
  } finally {
    cancelTimer();
    await lab.close();
  }
}
