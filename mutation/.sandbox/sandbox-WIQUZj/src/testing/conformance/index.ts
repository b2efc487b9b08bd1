// @ts-nocheck
export { describeProvider, type DescribeProviderOptions } from './describe-provider.js';
export type { ConformanceOptions, MakeClient } from './lab.js';
export { openAIWire, type OpenAIDialect } from './openai-wire.js';
export type { TestRunner } from './runner.js';
export type * from './wire.js';
