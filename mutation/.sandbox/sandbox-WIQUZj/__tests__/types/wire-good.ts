/** Requests and results as users write and read them: compiles without an error. */
// @ts-nocheck

import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatMessage,
  ChatParams,
  EmbeddingParams,
  EmbeddingResponse,
  KnownChatParams,
} from 'keelson';

declare function chat(messages: readonly ChatMessage[], params?: ChatParams): Promise<ChatCompletion>;
declare function stream(
  messages: readonly ChatMessage[],
  params?: ChatParams,
): AsyncIterable<ChatCompletionChunk>;
declare function embed(input: string | string[], params?: EmbeddingParams): Promise<EmbeddingResponse>;
declare const maybe: number | undefined;
declare const fromJson: Record<string, any>;

interface AppSettings {
  temperature: number;
  max_tokens?: number;
}
/** What a subclass for another provider declares. */
interface ThinkingParams extends ChatParams {
  thinking?: { type: 'enabled' | 'disabled' };
}

export async function requests(settings: AppSettings): Promise<string | null | undefined> {
  const question = [{ role: 'user', content: 'Hi' }] as const;
  await chat(question, { model: 'gpt-4o-mini', max_tokens: 100, temperature: maybe, seed: null });
  await chat([{ role: 'user', content: 'Hi' }], settings);
  await chat([{ role: 'user', content: 'Hi' }], { ...settings, top_k: 40, guided_json: { type: 'object' } });
  await chat([{ role: 'user', content: 'Hi' }], fromJson);
  await chat([{ role: 'user', content: 'Hi' }], { model: 'a', ...fromJson });
  await chat(question, { reasoning_effort: 'high', service_tier: 'on_demand', stop: ['a', 'b'] as const });
  await chat(question, { temperature: 0, max_tokens: 5 } satisfies KnownChatParams);
  const thinking: ThinkingParams = { model: 'a', thinking: { type: 'enabled' } };
  await chat(question, thinking);
  await chat(question, {
    tools: [
      { type: 'function', function: { name: 'get_time', parameters: { type: 'object', properties: {} } } },
    ],
    tool_choice: { type: 'function', function: { name: 'get_time' } },
    response_format: { type: 'json_schema', json_schema: { name: 'reply', schema: {}, strict: true } },
  });

  const messages: ChatMessage[] = [
    { role: 'system', content: 'Be brief.' },
    { role: 'developer', content: [{ type: 'text', text: 'Be brief.' }] },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } },
        { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
        { type: 'file', file: { file_id: 'file-1' } },
      ],
    },
  ];
  const reply = await chat(messages);
  const message = reply.choices[0]?.message;
  if (message) messages.push(message);
  for (const call of message?.tool_calls ?? []) {
    const content = call.type === 'function' ? call.function.arguments : call.custom.input;
    messages.push({ role: 'tool', tool_call_id: call.id, content });
  }
  let text = '';
  for await (const chunk of stream(messages, { stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta.content ?? '';
    if (chunk.usage) text += chunk.usage.prompt_tokens_details?.cached_tokens ?? 0;
  }
  const vectors = await embed(['a'], {
    model: 'text-embedding-3-small',
    dimensions: 256,
    input_type: 'query',
  });
  const first: number[] | string | undefined = vectors.data[0]?.embedding;
  return message?.content ?? text + String(first);
}

/** What names the fields of the known parameters, or picks among them, works. */
export type Sampling = Pick<KnownChatParams, 'temperature' | 'top_p'>;
export const field: keyof KnownChatParams = 'temperature';
