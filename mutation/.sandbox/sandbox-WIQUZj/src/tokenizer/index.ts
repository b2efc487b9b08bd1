// @ts-nocheck
export { gptTokenizer } from './gpt-tokenizer.js';
export type { Tokenizer } from './tokenizer.js';
