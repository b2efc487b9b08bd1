/**
 * What answers when the first choice cannot: another model, another provider, a value. Two local servers play the
 * providers, and are told to fail.
 *
 *     npx tsx --tsconfig examples/tsconfig.json examples/fallback.ts
 */
import { ContextLengthError, Fallback, OpenAIClient, responseInfo, snapshotOf } from 'keelson';
import { startTestServer } from 'keelson/testing';

await using first = await startTestServer({ reply: ({ model }) => `${model} of the first provider` });
await using second = await startTestServer({ reply: ({ model }) => `${model} of the second provider` });
console.log(first.banner);

await using backup = new OpenAIClient({ apiKey: 'another', baseURL: second.baseURL });
await using client = new OpenAIClient({
  apiKey: 'any',
  baseURL: first.baseURL,
  retry: { maxRetries: 1, baseDelayMs: 10 },
  policies: [
    Fallback({
      to: [
        { model: 'large', on: ContextLengthError },
        { client: backup, model: 'spare' },
      ],
    }),
  ],
});
client.on('fallback', ({ error, to }) => console.log(`  ${error.name}, so ${to}`));

class Assistant {
  @Fallback({ value: (error, question) => `No answer to "${question}" now (${error.code})` })
  async ask(question: string): Promise<string> {
    const reply = await client.chatCompletion([{ role: 'user', content: question }], { model: 'usual' });
    const attempts = responseInfo(reply)?.attempts.map(({ code }) => code);
    return `${reply.choices[0]?.message.content} (attempts: ${attempts?.join(', ')})`;
  }
}
const assistant = new Assistant();
const show = async (title: string) => console.log(`${title}\n  ${await assistant.ask('What is a keelson?')}`);

await show('All is well');

first.fault({ status: 400, body: { error: { message: 'Too long.', code: 'context_length_exceeded' } } });
await show('The prompt is too long');

first.fault({ status: 503, times: 2 });
await show('The first provider is overloaded');

first.fault({ status: 503, times: Infinity });
second.fault({ status: 503, times: Infinity });
await show('Both are down');

console.log(JSON.stringify(snapshotOf(client, 'chatCompletion')[0]?.snapshot));
