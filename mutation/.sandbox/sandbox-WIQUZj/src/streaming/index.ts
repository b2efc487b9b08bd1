// @ts-nocheck
export { ChatCompletionAccumulator } from './accumulate.js';
export type { ByteSource } from './byte-source.js';
export { ChatCompletionStream } from './chat-completion-stream.js';
export { readChunks, type ChatEvents, type ReadChunksOptions } from './chat-events.js';
export { sseEvents, type SseEvent, type SseOptions } from './sse.js';
