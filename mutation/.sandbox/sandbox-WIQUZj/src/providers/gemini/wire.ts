/** What Gemini's native API sends and takes, as far as it is translated; any further field passes through. */
// @ts-nocheck


/** A piece of a turn. Exactly one of its kinds is set, beside what describes it. */
export interface GeminiPart {
  text?: string;
  /** Whether `text` is a summary of the model's thoughts. */
  thought?: boolean;
  /** Opaque; must come back on the same part. */
  thoughtSignature?: string;
  functionCall?: { id?: string; name?: string; args?: Record<string, unknown> };
  functionResponse?: {
    id?: string;
    name: string;
    response: Record<string, unknown>;
    parts?: GeminiPart[];
  };
  inlineData?: { mimeType: string; data: string };
  fileData?: { mimeType?: string; fileUri: string };
  [kind: string]: unknown;
}

/** One turn. */
export interface GeminiContent {
  role?: 'user' | 'model';
  parts: GeminiPart[];
}

export interface GeminiCandidate {
  index?: number;
  content?: { role?: string; parts?: GeminiPart[] };
  finishReason?: string;
  logprobsResult?: GeminiLogprobs;
  groundingMetadata?: GroundingMetadata;
  [field: string]: unknown;
}

export interface GeminiLogprob {
  token?: string;
  logProbability?: number;
}

export interface GeminiLogprobs {
  chosenCandidates?: GeminiLogprob[];
  topCandidates?: { candidates?: GeminiLogprob[] }[];
}

export interface GroundingMetadata {
  groundingChunks?: { web?: { uri?: string; title?: string } }[];
  groundingSupports?: {
    groundingChunkIndices?: number[];
    /** Offsets in bytes of UTF-8. */
    segment?: { startIndex?: number; endIndex?: number; text?: string };
  }[];
}

interface ModalityCount {
  modality?: string;
  tokenCount?: number;
}

export interface UsageMetadata {
  promptTokenCount?: number;
  cachedContentTokenCount?: number;
  candidatesTokenCount?: number;
  thoughtsTokenCount?: number;
  toolUsePromptTokenCount?: number;
  totalTokenCount?: number;
  promptTokensDetails?: ModalityCount[];
  candidatesTokensDetails?: ModalityCount[];
  [field: string]: unknown;
}

/** The answer to generateContent, and each event of streamGenerateContent. */
export interface GeminiAnswer {
  candidates?: GeminiCandidate[];
  promptFeedback?: { blockReason?: string };
  usageMetadata?: UsageMetadata;
  modelVersion?: string;
  responseId?: string;
  createTime?: string;
  [field: string]: unknown;
}

/** The field of messages and tool calls that holds what has no name in OpenAI's format, as in Gemini's compatible endpoint. */
export interface ExtraContent {
  google?: {
    thought_signature?: string;
    parts?: KeptPart[];
  };
}

/**
 * A part of an answer, kept so that it can go back as it came. Those of one `index` are pieces of one part. A call is
 * kept as its position among the message's `tool_calls`; a kind of part that is not known, as JSON.
 */
export interface KeptPart {
  index: number;
  call?: number;
  json?: string;
  [field: string]: unknown;
}
