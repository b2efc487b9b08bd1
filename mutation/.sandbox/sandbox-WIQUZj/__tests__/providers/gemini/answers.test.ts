// @ts-nocheck
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GeminiClient, responseInfo, type ChatCompletionChunk, type ChatMessage } from 'keelson';
import { messages } from '../../client/support.js';
import { open, type Opened } from '../foreign.js';

type Part = Record<string, any>;

const candidate = (parts: Part[], more: object = {}): object => ({
  content: { parts, role: 'model' },
  finishReason: 'STOP',
  index: 0,
  ...more,
});
const answering = (parts: Part[], more: object = {}, rest: object = {}): object => ({
  candidates: [candidate(parts, more)],
  modelVersion: 'gemini-2.5-flash',
  responseId: 'r1',
  ...rest,
});
const events = (...payloads: unknown[]) => ({
  headers: { 'content-type': 'text/event-stream' },
  body: payloads.map((payload) => `data: ${JSON.stringify(payload)}\r\n\r\n`).join(''),
});

async function plain(body: object): Promise<any> {
  const { client } = await open(GeminiClient, [{ body }]);
  return client.chatCompletion(messages);
}

async function streamed(...payloads: object[]): Promise<{ completion: any; chunks: ChatCompletionChunk[] }> {
  const { client } = await open(GeminiClient, [events(...payloads)]);
  const chunks: ChatCompletionChunk[] = [];
  const stream = client.streamChatCompletion(messages);
  for await (const chunk of stream) chunks.push(chunk);
  return { completion: await stream.finalCompletion(), chunks };
}

describe('an answer', () => {
  it('has the form of OpenAI, and what has no name there under its own', async () => {
    const safetyRatings = [{ category: 'HARM_CATEGORY_HARASSMENT', probability: 'NEGLIGIBLE' }];
    const body = answering(
      [{ text: 'Hi' }],
      { safetyRatings, avgLogprobs: -0.1 },
      {
        createTime: '2026-01-02T03:04:05.678Z',
        modelStatus: { modelStage: 'STABLE' },
        usageMetadata: {
          promptTokenCount: 10,
          cachedContentTokenCount: 4,
          toolUsePromptTokenCount: 3,
          candidatesTokenCount: 5,
          thoughtsTokenCount: 7,
          totalTokenCount: 25,
          promptTokensDetails: [
            { modality: 'TEXT', tokenCount: 8 },
            { modality: 'IMAGE', tokenCount: 2 },
          ],
          candidatesTokensDetails: [{ modality: 'TEXT', tokenCount: 5 }],
          trafficType: 'ON_DEMAND',
        },
      },
    );
    const completion = await plain(body);
    expect(completion).toEqual({
      id: 'r1',
      object: 'chat.completion',
      created: 1767323045,
      model: 'gemini-2.5-flash',
      modelStatus: { modelStage: 'STABLE' },
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hi', refusal: null },
          finish_reason: 'stop',
          logprobs: null,
          safetyRatings,
          avgLogprobs: -0.1,
        },
      ],
      usage: {
        prompt_tokens: 13,
        completion_tokens: 12,
        total_tokens: 25,
        prompt_tokens_details: { cached_tokens: 4, text_tokens: 8, image_tokens: 2 },
        completion_tokens_details: { reasoning_tokens: 7, text_tokens: 5 },
        toolUsePromptTokenCount: 3,
        trafficType: 'ON_DEMAND',
      },
    });
    expect(responseInfo(completion)?.usage).toEqual({
      inputTokens: 13,
      outputTokens: 12,
      cachedInputTokens: 4,
    });
  });

  it.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ...[
      ...['SAFETY', 'RECITATION', 'LANGUAGE', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII'],
      ...['IMAGE_SAFETY', 'IMAGE_PROHIBITED_CONTENT', 'IMAGE_RECITATION'],
    ].map((reason) => [reason, 'content_filter']),
    ['OTHER', 'other'],
    ['MALFORMED_FUNCTION_CALL', 'malformed_function_call'],
    ['UNEXPECTED_TOOL_CALL', 'unexpected_tool_call'],
    ['TOO_MANY_TOOL_CALLS', 'too_many_tool_calls'],
    ['NO_IMAGE', 'no_image'],
  ])('that ends with %s ends with %s', async (finishReason, expected) => {
    const body = { candidates: [{ finishReason, finishMessage: 'so' }] };
    const [choice] = (await plain(body)).choices;
    expect(choice).toMatchObject({
      finish_reason: expected,
      finishMessage: 'so',
      message: { content: null },
    });
    const { completion } = await streamed(body);
    expect(completion.choices).toEqual([choice]);
  });

  it('says that the question was withheld', async () => {
    const body = {
      promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
      usageMetadata: { promptTokenCount: 9 },
    };
    for (const completion of [await plain(body), (await streamed(body)).completion]) {
      expect(completion.choices).toMatchObject([
        { finish_reason: 'content_filter', message: { content: null } },
      ]);
      expect(completion.promptFeedback).toEqual({ blockReason: 'PROHIBITED_CONTENT' });
      expect(completion.usage).toMatchObject({ prompt_tokens: 9, total_tokens: 9 });
    }
  });

  it('may be several', async () => {
    const candidates = [
      candidate([{ text: 'a' }]),
      candidate([{ functionCall: { name: 'f' } }], { index: 1 }),
    ];
    const { choices } = await plain({ candidates, responseId: 'r1' });
    expect(choices).toMatchObject([
      { index: 0, message: { content: 'a' }, finish_reason: 'stop' },
      { index: 1, message: { tool_calls: [{ id: 'gemini_r1_1_0' }] }, finish_reason: 'tool_calls' },
    ]);
  });

  it('has its log probabilities', async () => {
    const logprobsResult = {
      chosenCandidates: [{ token: 'Hi', tokenId: 7, logProbability: -0.5 }],
      topCandidates: [
        {
          candidates: [
            { token: 'Hi', logProbability: -0.5 },
            { token: 'Ho', logProbability: -2 },
          ],
        },
      ],
    };
    const { choices } = await plain(answering([{ text: 'Hi' }], { logprobsResult }));
    expect(choices[0].logprobs).toEqual({
      content: [
        {
          token: 'Hi',
          bytes: null,
          logprob: -0.5,
          top_logprobs: [
            { token: 'Hi', bytes: null, logprob: -0.5 },
            { token: 'Ho', bytes: null, logprob: -2 },
          ],
        },
      ],
      refusal: null,
    });
  });

  it('cites its sources by characters', async () => {
    const groundingMetadata = {
      webSearchQueries: ['keel'],
      groundingChunks: [
        { web: { uri: 'https://a.example', title: 'A' } },
        { web: { uri: 'https://b.example' } },
      ],
      groundingSupports: [
        { segment: { endIndex: 3, text: 'Ké' }, groundingChunkIndices: [0] },
        { segment: { startIndex: 3, endIndex: 8, text: '🚢l' }, groundingChunkIndices: [1, 9] },
      ],
    };
    const text = 'Ké🚢l';
    const { completion } = await streamed(
      answering([{ text: 'Ké' }], { finishReason: undefined }),
      answering([{ text: '🚢l' }], { groundingMetadata }),
    );
    for (const { choices } of [completion, await plain(answering([{ text }], { groundingMetadata }))]) {
      expect(choices[0].groundingMetadata).toEqual(groundingMetadata);
      expect(choices[0].message.annotations).toEqual([
        {
          type: 'url_citation',
          url_citation: { start_index: 0, end_index: 1, title: 'A', url: 'https://a.example' },
        },
        {
          type: 'url_citation',
          url_citation: { start_index: 2, end_index: 4, title: '', url: 'https://b.example' },
        },
      ]);
    }
  });

  it('counts its tokens where it is asked for by request()', async () => {
    const { client } = await open(GeminiClient, [
      { body: { candidates: [], usageMetadata: { promptTokenCount: 3, thoughtsTokenCount: 2 } } },
    ]);
    const raw = await client.request<object>('/models/m:generateContent', { body: {} });
    expect(responseInfo(raw)?.usage).toEqual({ inputTokens: 3, outputTokens: 2 });
  });
});

describe('a stream', () => {
  it('tells its usage once, at its end', async () => {
    const usage = (candidatesTokenCount: number) => ({
      usageMetadata: { promptTokenCount: 3, candidatesTokenCount, totalTokenCount: 3 + candidatesTokenCount },
    });
    const { chunks } = await streamed(
      answering([{ text: 'a' }], { finishReason: undefined }, usage(1)),
      answering([{ text: 'b' }], { finishReason: undefined }, usage(2)),
      answering([{ text: '' }], {}, usage(3)),
    );
    expect(chunks.map(({ usage: told }) => told?.completion_tokens)).toEqual([undefined, undefined, 3]);
    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: 'assistant', content: 'a' },
      { content: 'b' },
      {},
    ]);
    expect(new Set(chunks.map(({ id, created, model }) => `${id} ${created} ${model}`)).size).toBe(1);
  });

  it('is asked for as server-sent events', async () => {
    const { client, sent } = await open(GeminiClient, [events(answering([{ text: 'a' }]))]);
    await client.streamChatCompletion(messages, { model: 'gemini-2.5-flash' }).finalText();
    expect(sent[0]).toMatchObject({
      url: '/v1/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
      headers: { accept: 'text/event-stream' },
    });
  });
});

describe('what an answer was made of goes back as it came', () => {
  const thought = { text: 'hm', thought: true };
  const text = { text: 'Look: ' };
  const call = {
    functionCall: { id: 'c1', name: 'f', args: { a: null, list: [{ index: 1 }, { index: 1, b: 2 }] } },
  };
  const code = { executableCode: { language: 'PYTHON', code: 'print(1)' } };
  const result = { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '1\n' } };
  const image = { inlineData: { mimeType: 'image/png', data: 'aGk=' }, thoughtSignature: 's9' };
  const server = {
    toolCall: {
      id: 't1',
      toolType: 'GOOGLE_SEARCH',
      args: { queries: ['a'], none: null, list: [{ index: 0 }, { index: 0 }] },
    },
    thoughtSignature: 's7',
  };

  async function sentBack(opened: Opened, message: unknown): Promise<any> {
    const called = ((message as any).tool_calls ?? []).map(({ id }: { id: string }) => ({
      role: 'tool',
      tool_call_id: id,
      content: 'ok',
    }));
    await opened.client.chatCompletion([...messages, message as ChatMessage, ...called]);
    return opened.sent.at(-1)!.body.contents[1];
  }

  const rows: [string, Part[]][] = [
    ['text', [text]],
    ['thoughts, text and calls', [thought, text, call]],
    ['a signed call', [{ ...call, thoughtSignature: 's1' }]],
    [
      'parallel calls, the first one signed',
      [{ ...call, thoughtSignature: 's1' }, { functionCall: { name: 'g', args: {} } }],
    ],
    ['signed text', [{ ...text, thoughtSignature: 's2' }]],
    ['a signature on an empty text at the end', [thought, text, { text: '', thoughtSignature: 's3' }]],
    ['a signed thought', [{ ...thought, thoughtSignature: 's4' }, text]],
    ['text after a call', [call, text]],
    ['thoughts between', [thought, text, thought, call]],
    ['code and its result', [text, code, result, { text: 'done' }]],
    ['pictures', [text, image]],
    ['tools of the server', [server, { toolResponse: { id: 't1', response: { x: null } } }, text]],
    [
      'what nobody knows yet',
      [{ text: 'x', partMetadata: { list: [{ index: 1 }, { index: 1 }] } }, { hologram: { a: [null] } }],
    ],
    [
      'a call with more to it',
      [{ functionCall: { name: 'f', args: {}, willContinue: false }, partMetadata: { a: 1 } }],
    ],
  ];

  it.each(rows)('%s', async (_, parts) => {
    const opened = await open(GeminiClient, [{ body: answering(parts) }]);
    const { message } = (await opened.client.chatCompletion(messages)).choices[0]!;
    expect(await sentBack(opened, JSON.parse(JSON.stringify(message)))).toEqual({ role: 'model', parts });
    expect(opened.dropped).toEqual([]);
  });

  it('unless what it says has been changed', async () => {
    const opened = await open(GeminiClient, [{ body: answering([text, code, call]) }]);
    const { message } = (await opened.client.chatCompletion(messages)).choices[0]!;
    expect(await sentBack(opened, { ...message, content: 'Edited' })).toEqual({
      role: 'model',
      parts: [{ text: 'Edited' }, call],
    });
    expect((await sentBack(opened, { ...message, tool_calls: undefined })).parts).toEqual([text]);
  });

  it('however the stream cuts it', async () => {
    const kinds = fc.constantFrom(thought, text, call, code, result, image, server, {
      functionCall: { name: 'g' },
    });
    const signed = fc.record({ part: kinds, signature: fc.option(fc.constantFrom('s1', 's2')) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(signed, { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 4 })),
        async (list, sizes) => {
          const parts: Part[] = list.map(({ part, signature }) => ({
            ...part,
            ...(signature !== null && { thoughtSignature: signature }),
          }));
          const sizeOf = (): number => sizes.next().value as number;
          const pieces = parts.flatMap((part): Part[] => {
            if (part['text'] === undefined || 'thoughtSignature' in part) return [part];
            const at = sizeOf() % (part['text'].length as number);
            return [part['text'].slice(0, at), part['text'].slice(at)].map((piece) => ({
              ...part,
              text: piece,
            }));
          });
          const payloads: object[] = [];
          while (pieces.length > 0) {
            payloads.push(answering(pieces.splice(0, sizeOf()), { finishReason: undefined }));
          }
          payloads.push(answering([]));
          const opened = await open(GeminiClient, [events(...payloads), { body: answering(parts) }]);
          const whole = await opened.client.streamChatCompletion(messages).finalCompletion();
          const { choices } = await opened.client.chatCompletion(messages);
          expect(whole.choices).toEqual(choices);
          await opened.client.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});
