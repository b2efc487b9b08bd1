/**
 * A budget for each tenant: what a call may cost is reserved before it is sent, and what it used is charged. Who has spent
 * his money is refused at once, and costs nobody else anything.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/budget.ts
 */
import { Budget, BudgetExceededError, OpenAIClient, SpendingBudget } from 'keelson';
import { connect } from './local.js';

/** A little over a tenth of a cent a day for each tenant, and a cent an hour for all of them. */
const budget = new SpendingBudget({
  usd: 0.0012,
  per: 'day',
  key: (call) => call.options.headers?.['x-tenant'] ?? 'nobody',
  limits: [{ usd: 0.01, per: 'hour' }],
});

await using api = await connect();
await using client = new OpenAIClient({ ...api.options, model: 'gpt-4o', policies: [Budget(budget)] });
client.on('budget', ({ state, key, name }) => {
  if (state === 'warning') console.log(`(${key} has nearly used up its ${name})`);
});

async function ask(tenant: string, maxTokens: number): Promise<void> {
  try {
    const params = { max_tokens: maxTokens };
    const options = { headers: { 'x-tenant': tenant } };
    const { usage } = await client.chatCompletion([{ role: 'user', content: 'Hello!' }], params, options);
    console.log(`${tenant}: answered with ${usage?.total_tokens} tokens`);
  } catch (error) {
    if (!(error instanceof BudgetExceededError)) throw error;
    const hours =
      error.retryAfterMs === undefined ? 'never' : `in ${Math.ceil(error.retryAfterMs / 3.6e6)} h`;
    console.log(`${tenant}: refused, room ${hours}`);
  }
}

for (let i = 0; i < 4; i++) await ask('acme', 50);
await ask('acme', 1000);
await ask('globex', 50);

for (const [tenant, { used, limit }] of Object.entries(budget.snapshot()['usd per day'] ?? {})) {
  console.log(`${tenant} has spent $${used.toFixed(6)} of $${limit}`);
}
