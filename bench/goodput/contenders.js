// Each contender is a function that sends one call: `{ prompt, maxTokens }` → the text of the answer.
import { LIMITS, MODEL } from './settings.js';

const messages = (prompt) => [{ role: 'user', content: prompt }];

async function keelson({ baseURL }, rateLimit) {
  const { OpenAIClient } = await import('keelson');
  const client = new OpenAIClient({ apiKey: 'key', baseURL, model: MODEL, rateLimit });
  return async ({ prompt, maxTokens }) => {
    const reply = await client.chatCompletion(messages(prompt), { max_tokens: maxTokens });
    return reply.choices[0].message.content;
  };
}

async function keelsonOnRedis({ baseURL, redisPort, name, processes }) {
  const { Redis } = await import('ioredis');
  const { RedisStore } = await import('keelson/redis');
  const store = new RedisStore(new Redis(redisPort), { name, localShare: 1 / processes });
  return keelson({ baseURL }, { ...LIMITS, store });
}

async function openai({ baseURL }, options) {
  const { default: OpenAI } = await import('openai');
  const client = new OpenAI({ apiKey: 'key', baseURL, ...options });
  return async ({ prompt, maxTokens }) => {
    const reply = await client.chat.completions.create({
      model: MODEL,
      messages: messages(prompt),
      max_tokens: maxTokens,
    });
    return reply.choices[0].message.content;
  };
}

/** As its documentation has it for an API with so many requests a minute: a reservoir that refills, here as steadily as it can. */
async function bottleneck({ baseURL }) {
  const { default: Bottleneck } = await import('bottleneck');
  const perSecond = LIMITS.requestsPerMinute / 60;
  const limiter = new Bottleneck({
    reservoir: LIMITS.requestBurst,
    reservoirIncreaseInterval: 250,
    reservoirIncreaseAmount: perSecond / 4,
    reservoirIncreaseMaximum: LIMITS.requestBurst,
  });
  return limiter.wrap(await openai({ baseURL }));
}

async function aiSdk({ baseURL }, options) {
  const { generateText } = await import('ai');
  const { createOpenAI } = await import('@ai-sdk/openai');
  const model = createOpenAI({ apiKey: 'key', baseURL }).chat(MODEL);
  return async ({ prompt, maxTokens }) => {
    const { text } = await generateText({ model, prompt, maxOutputTokens: maxTokens, ...options });
    return text;
  };
}

async function langchain({ baseURL }, options) {
  const { ChatOpenAI } = await import('@langchain/openai');
  const configuration = { baseURL };
  return async ({ prompt, maxTokens }) => {
    // The bound of the output is a constructor option of the model.
    const model = new ChatOpenAI({ apiKey: 'key', model: MODEL, configuration, maxTokens, ...options });
    return (await model.invoke(prompt)).content;
  };
}

export const contenders = {
  'keelson configured': (at) => keelson(at, LIMITS),
  'keelson learning': (at) => keelson(at, 'learn'),
  'openai-node': (at) => openai(at),
  'openai-node, 10 retries': (at) => openai(at, { maxRetries: 10 }),
  'openai-node, 100 retries': (at) => openai(at, { maxRetries: 100 }),
  'openai-node + bottleneck': bottleneck,
  'AI SDK': (at) => aiSdk(at),
  LangChain: (at) => langchain(at),
  'keelson configured, 4 processes over Redis': keelsonOnRedis,
};
