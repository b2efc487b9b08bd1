/**
 * Several decorators as one: `@Resilient()`, and one of your own.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/composites.ts
 */
import {
  CircuitOpenError,
  composePolicies,
  HandleApiErrors,
  policiesOf,
  Resilient,
  RetryWithBackoff,
  snapshotOf,
  Timeout,
} from 'keelson/decorators';

const Patient = composePolicies('Patient', (totalMs: number) => [
  RetryWithBackoff({ maxRetries: 6, baseDelayMs: 1000 }),
  Timeout({ totalMs }),
  HandleApiErrors(),
]);

class Reports {
  attempts = 0;

  @Patient(60_000)
  @RetryWithBackoff({ maxRetries: 2, baseDelayMs: 20 }) // instead of the six, on whichever line it stands
  async write(topic: string) {
    if (++this.attempts < 3) throw Object.assign(new Error('busy'), { status: 503 });
    return `About ${topic}.`;
  }

  @Resilient({ retry: false, circuitBreaker: { minimumCalls: 3 } })
  async print(_report: string) {
    throw Object.assign(new Error('no paper'), { status: 500 });
  }
}

const reports = new Reports();
for (const { kind, via = 'itself' } of policiesOf(reports, 'write')) console.log(`${kind} of ${via}`);
await reports.write('keels');
console.log(`answered at attempt ${reports.attempts}`);

for (let i = 0; i < 4; i++) {
  try {
    await reports.print('About keels.');
  } catch (error) {
    if (error instanceof CircuitOpenError) console.log(`${error.name}: ${error.message}`);
  }
}
for (const { kind, snapshot } of snapshotOf(reports, 'print')) console.log(kind, Object.values(snapshot)[0]);
