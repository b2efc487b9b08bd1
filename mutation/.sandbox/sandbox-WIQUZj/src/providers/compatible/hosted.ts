// @ts-nocheck
import {
  ContextLengthError,
  InternalServerError,
  NotFoundError,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
} from '../../../decorators/errors/index.js';
import type { ProviderSpec } from '../../client/provider-spec.js';
import { OpenAICompatibleClient } from '../openai-compatible.js';

/** DeepSeek. The key comes from `apiKey` or `DEEPSEEK_API_KEY`. It has no embeddings. */
export class DeepSeekClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'deepseek',
    baseURL: 'https://api.deepseek.com',
    env: { apiKey: 'DEEPSEEK_API_KEY', baseURL: 'DEEPSEEK_BASE_URL' },
    hasEmbeddings: false,
    errors: { insufficient_system_resource: OverloadedError },
  };
}

/**
 * Qwen, by Alibaba Cloud's Model Studio (DashScope). The key comes from `apiKey` or `DASHSCOPE_API_KEY`. The address is that
 * of Singapore; for Beijing give `baseURL: 'https://dashscope.aliyuncs.com/compatible-mode/v1'`.
 */
export class QwenClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'qwen',
    baseURL: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    env: { apiKey: 'DASHSCOPE_API_KEY', baseURL: 'DASHSCOPE_BASE_URL' },
    limits: { embeddingInputs: 10 },
    embeddingFormat: 'float',
  };
}

/**
 * Moonshot AI's Kimi. The key comes from `apiKey` or `MOONSHOT_API_KEY`. For China give
 * `baseURL: 'https://api.moonshot.cn/v1'`. It has no embeddings.
 */
export class MoonshotClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'moonshot',
    baseURL: 'https://api.moonshot.ai/v1',
    env: { apiKey: 'MOONSHOT_API_KEY', baseURL: 'MOONSHOT_BASE_URL' },
    hasEmbeddings: false,
    errors: { engine_overloaded_error: OverloadedError },
  };
}

/** What Zhipu's own codes mean; most come with a 429, whether to wait helps or not. */
const ZHIPU_ERRORS: NonNullable<ProviderSpec['errors']> = {
  // A balance, a plan, or what a plan allows within hours or days, is used up.
  ...Object.fromEntries(
    [1113, 1304, 1308, 1309, 1310, 1311, 1313, 1314, 1315, 1316, 1317, 1318, 1319, 1320, 1321].map((code) => [
      code,
      QuotaExceededError,
    ]),
  ),
  '1302': RateLimitError,
  '1303': RateLimitError,
  '1305': OverloadedError,
  '1211': NotFoundError,
  '1261': ContextLengthError,
  '1234': InternalServerError,
  network_error: InternalServerError,
};

/**
 * Zhipu's GLM at Z.ai. The key comes from `apiKey` or `ZAI_API_KEY`. For the mainland's site give
 * `baseURL: 'https://open.bigmodel.cn/api/paas/v4'` and its key.
 */
export class ZhipuClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'zhipu',
    baseURL: 'https://api.z.ai/api/paas/v4',
    env: { apiKey: 'ZAI_API_KEY', baseURL: 'ZAI_BASE_URL' },
    limits: { embeddingInputs: 64 },
    embeddingFormat: 'float',
    errors: ZHIPU_ERRORS,
  };
}

/** Groq. The key comes from `apiKey` or `GROQ_API_KEY`. It has no embeddings, and refuses reasoning in earlier answers. */
export class GroqClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'groq',
    baseURL: 'https://api.groq.com/openai/v1',
    env: { apiKey: 'GROQ_API_KEY', baseURL: 'GROQ_BASE_URL' },
    rateLimitWindows: { requests: 'day', tokens: 'minute' },
    hasEmbeddings: false,
    assistantFields: ['role', 'content', 'tool_calls', 'function_call', 'name'],
  };
}

/** Together AI. The key comes from `apiKey` or `TOGETHER_API_KEY`. */
export class TogetherClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'together',
    baseURL: 'https://api.together.xyz/v1',
    env: { apiKey: 'TOGETHER_API_KEY', baseURL: 'TOGETHER_BASE_URL' },
    embeddingFormat: 'float',
  };
}

/**
 * Gemini by its OpenAI-compatible endpoint. The key comes from `apiKey` or `GEMINI_API_KEY`. An answer's tool calls carry
 * `extra_content` with the thought's signature: put the message back as it is.
 */
export class GeminiCompatibleClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'gemini-compatible',
    baseURL: 'https://generativelanguage.googleapis.com/v1beta/openai',
    env: { apiKey: 'GEMINI_API_KEY', baseURL: 'GEMINI_COMPATIBLE_BASE_URL' },
    limits: { embeddingInputs: 100 },
    embeddingFormat: 'float',
  };
}
