// @ts-nocheck
import type { UrlCitation } from '../../wire/index.js';
import type { GroundingMetadata } from './wire.js';

/**
 * The web pages that a grounded answer stands on. Gemini counts in bytes, citations in characters.
 *
 * @param text The whole answer.
 */
export function toCitations(
  { groundingChunks = [], groundingSupports = [] }: GroundingMetadata,
  text: string,
): UrlCitation[] {
  if (groundingSupports.length === 0) return [];
  const bytes = new TextEncoder().encode(text);
  const decoder = new TextDecoder();
  const characters = (offset: number): number => decoder.decode(bytes.subarray(0, offset)).length;
  return groundingSupports.flatMap(({ groundingChunkIndices = [], segment = {} }) => {
    const start = characters(segment.startIndex ?? 0);
    const end = characters(segment.endIndex ?? 0);
    return groundingChunkIndices.flatMap((index): UrlCitation[] => {
      const { web } = groundingChunks[index] ?? {};
      if (web?.uri === undefined) return [];
      // OpenAI names the last character, Gemini the first one after it.
      const where = { start_index: start, end_index: Math.max(start, end - 1) };
      return [{ type: 'url_citation', url_citation: { ...where, title: web.title ?? '', url: web.uri } }];
    });
  });
}
