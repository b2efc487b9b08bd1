// @ts-nocheck
export * from './hosted.js';
export { MistralClient } from './mistral.js';
export { OpenRouterClient } from './openrouter.js';
export { XAIClient } from './xai.js';
export * from './local.js';
