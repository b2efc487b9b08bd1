// @ts-nocheck
import type { ProviderSpec } from '../../client/provider-spec.js';
import { OpenAICompatibleClient } from '../openai-compatible.js';

/** A local Ollama by its OpenAI-compatible endpoint. It needs no key; `OLLAMA_API_KEY` is sent where it is set. */
export class OllamaCompatibleClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'ollama-compatible',
    baseURL: 'http://localhost:11434/v1',
    env: { apiKey: 'OLLAMA_API_KEY', baseURL: 'OLLAMA_COMPATIBLE_BASE_URL' },
    needsApiKey: false,
    embeddingFormat: 'float',
  };
}

/** A vLLM server. It needs no key; `VLLM_API_KEY` is sent where it is set. */
export class VLLMClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'vllm',
    baseURL: 'http://localhost:8000/v1',
    env: { apiKey: 'VLLM_API_KEY', baseURL: 'VLLM_BASE_URL' },
    needsApiKey: false,
  };
}

/** LM Studio's server. It needs no key; `LMSTUDIO_API_KEY` is sent where it is set. */
export class LMStudioClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'lmstudio',
    baseURL: 'http://localhost:1234/v1',
    env: { apiKey: 'LMSTUDIO_API_KEY', baseURL: 'LMSTUDIO_BASE_URL' },
    needsApiKey: false,
    embeddingFormat: 'float',
  };
}

/** llama.cpp's server. It needs no key; `LLAMACPP_API_KEY` is sent where it is set. */
export class LlamaCppClient extends OpenAICompatibleClient {
  static override readonly provider: ProviderSpec = {
    name: 'llamacpp',
    baseURL: 'http://localhost:8080/v1',
    env: { apiKey: 'LLAMACPP_API_KEY', baseURL: 'LLAMACPP_BASE_URL' },
    needsApiKey: false,
  };
}
