// Each contender makes one call, or reads one stream, against the server at `baseURL`.
import { createParser } from 'eventsource-parser';

const messages = [
  { role: 'system', content: 'You are terse.' },
  { role: 'user', content: 'Say something about foxes and dogs, in a few sentences.' },
];
const model = 'gpt-4o-mini';

/** The floor: undici's Pool with JSON, and eventsource-parser for streams. */
async function undici(baseURL) {
  const { Pool } = await import('undici');
  const { origin, pathname } = new URL(baseURL);
  const pool = new Pool(origin, { connections: 128 });
  const options = (body) => ({
    path: `${pathname}/chat/completions`,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer key' },
    body: JSON.stringify(body),
  });
  return {
    async chat() {
      const { body } = await pool.request(options({ model, messages }));
      return JSON.parse(await body.text()).choices[0].message.content;
    },
    async stream() {
      const { body } = await pool.request(options({ model, messages, stream: true }));
      const decoder = new TextDecoder();
      let events = 0;
      const parser = createParser({
        onEvent({ data }) {
          if (data !== '[DONE]' && JSON.parse(data).choices) events++;
        },
      });
      for await (const chunk of body) parser.feed(decoder.decode(chunk, { stream: true }));
      return events;
    },
  };
}

async function keelson(baseURL) {
  const { OpenAIClient } = await import('keelson');
  const client = new OpenAIClient({
    apiKey: 'key',
    baseURL,
    model,
    rateLimit: { requestsPerMinute: 1e9, tokensPerMinute: 1e12, maxConcurrent: 1000 },
  });
  return {
    chat: async () => (await client.chatCompletion(messages)).choices[0].message.content,
    async stream() {
      let events = 0;
      for await (const chunk of client.streamChatCompletion(messages)) if (chunk.choices) events++;
      return events;
    },
  };
}

async function openai(baseURL) {
  const { default: OpenAI } = await import('openai');
  const client = new OpenAI({ apiKey: 'key', baseURL });
  return {
    chat: async () => (await client.chat.completions.create({ model, messages })).choices[0].message.content,
    async stream() {
      let events = 0;
      for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
        if (chunk.choices) events++;
      }
      return events;
    },
  };
}

export const contenders = { undici, keelson, openai };
