/**
 * One span for a call that had to be tried twice, printed instead of exported.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/traced.ts
 */
import { trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { OpenAIClient, Traced } from 'keelson';
import { startTestServer } from 'keelson/testing';

// An application registers its SDK once, usually NodeSDK with an OTLP exporter.
const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
);

await using server = await startTestServer();
await using client = new OpenAIClient({
  apiKey: 'any',
  baseURL: server.baseURL,
  retry: { baseDelayMs: 50 },
  policies: [Traced({ attributes: () => ({ 'app.tenant': 'blue' }) })],
});

server.fault({ status: 503 });
await client.chatCompletion([{ role: 'user', content: 'Hi' }], { max_tokens: 20 });

for (const { name, attributes, events } of exporter.getFinishedSpans()) {
  console.log(name);
  for (const [key, value] of Object.entries(attributes).sort()) console.log(`  ${key}: ${String(value)}`);
  for (const event of events) console.log(`  · ${event.name} ${JSON.stringify(event.attributes)}`);
}
