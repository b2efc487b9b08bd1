// @ts-nocheck
export { startTestServer } from './server.js';
export type { TestServer } from './test-server.js';
export type { TestServerOptions } from './server-options.js';
export type { TestRateLimit } from './server-limits.js';
export type { RecordedRequest } from './recorder.js';
export type {
  CommentsFault,
  ContentTypeFault,
  DelayFault,
  ErrorEventFault,
  Fault,
  MalformedFault,
  RawBodyFault,
  ResetFault,
  SplitBytesFault,
  StallFault,
  StatusFault,
  TruncateFault,
} from './faults.js';
export type {
  TestChatRequest,
  TestChoice,
  TestCompletion,
  TestLogprobs,
  TestMessage,
  TestReply,
  TestReplyMessage,
  TestTool,
  TestToolCall,
  TestUsage,
} from './wire.js';
export { mockResponses } from './mock-responses.js';
export type { MockedResponses } from './mock-responses.js';
export type { MockAdapter, MockAdapterReply, MockAdapterRequest, MockHandler } from './mock-adapter.js';
export { useVirtualTime } from './virtual-time.js';
export type { VirtualTime, VirtualTimeOptions } from './virtual-time.js';
export * from './conformance/index.js';
