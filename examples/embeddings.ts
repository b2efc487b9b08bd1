/**
 * Similarity search: which of these texts is nearest to a question?
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/embeddings.ts
 */
import { OpenAIClient, responseInfo } from 'keelson';
import { connect } from './local.js';

const documents = [
  'A keelson is a beam that runs along the keel of a ship and strengthens it.',
  'A token bucket refills at a steady rate and allows bursts.',
  'Exponential backoff doubles the wait after every failure.',
  'Sourdough bread rises slowly because its yeast is wild.',
  'The tide is high when the moon stands above the sea.',
];

/** The vectors have length 1, so the dot product is the cosine of their angle. */
function similarity(a: number[], b: number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

await using api = await connect();
await using client = new OpenAIClient(api.options);

// A list of any length: it is split into requests as the provider's limits need, and comes back in order.
const vectors = await client.embeddings(documents);
console.log(`\n${vectors.length} documents, ${responseInfo(vectors)?.usage?.inputTokens} tokens`);

for (const question of ['Which beam strengthens a ship?', 'How long is the wait after a failure?']) {
  const wanted = await client.embeddings(question);
  const ranked = documents
    .map((text, i) => ({ text, score: similarity(wanted, vectors[i] ?? []) }))
    .sort((a, b) => b.score - a.score);
  console.log(`\n${question}`);
  for (const { text, score } of ranked.slice(0, 2)) console.log(`  ${score.toFixed(2)}  ${text}`);
}
