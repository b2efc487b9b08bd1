// @ts-nocheck
export type * from './messages.js';
export type * from './tools.js';
export type * from './params.js';
export type * from './completion.js';
export type * from './chunk.js';
export type * from './usage.js';
export type * from './moderation.js';
export type * from './embeddings.js';
