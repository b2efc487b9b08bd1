import type { Objections } from '../translation.js';
import { isBlock, type AnthropicContentBlock, type Fields } from './blocks.js';

/** The blocks of a message's content. A part of a type that OpenAI does not have is taken for a block already. */
export function toBlocks(content: unknown, objections: Objections): AnthropicContentBlock[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  if (!Array.isArray(content)) return [];
  return content.filter(isBlock).map((part) => toBlock(part, objections));
}

function toBlock(part: AnthropicContentBlock, objections: Objections): AnthropicContentBlock {
  const { prompt_cache_breakpoint: breakpoint, ...others } = part;
  const block = translate(others as AnthropicContentBlock, objections);
  return breakpoint ? { ...block, cache_control: block['cache_control'] ?? { type: 'ephemeral' } } : block;
}

function translate(part: AnthropicContentBlock, objections: Objections): AnthropicContentBlock {
  switch (part.type) {
    case 'refusal': {
      const { refusal, ...others } = part;
      return { ...others, type: 'text', text: refusal };
    }
    case 'image_url': {
      const { image_url: image, ...others } = part;
      const { url, detail } = (image ?? {}) as { url?: unknown; detail?: unknown };
      if (typeof detail === 'string' && detail !== 'auto') {
        objections.drop('image_url.detail', 'Anthropic reads every image at the same resolution.');
      }
      return { ...others, type: 'image', source: toSource(String(url), 'images', objections) };
    }
    case 'file': {
      const { file, ...others } = part;
      return { ...others, ...toDocument((file ?? {}) as Fields, objections) };
    }
    case 'input_audio':
      throw objections.refuse('audio input');
    default:
      return part;
  }
}

function toDocument(file: Fields, objections: Objections): AnthropicContentBlock {
  const { file_id: id, file_data: data, filename } = file;
  const title = typeof filename === 'string' ? { title: filename } : {};
  if (typeof id === 'string') return { type: 'document', source: { type: 'file', file_id: id }, ...title };
  if (typeof data !== 'string') throw objections.refuse('files without `file_id` or `file_data`');
  const isURL = /^(?:data|https?):/i.test(data);
  const source = toSource(isURL ? data : `data:application/pdf;base64,${data}`, 'files', objections);
  if (source['media_type'] === 'text/plain') {
    return {
      type: 'document',
      source: { type: 'text', media_type: 'text/plain', data: decode(source['data'] as string) },
      ...title,
    };
  }
  return { type: 'document', source, ...title };
}

/** Where the bytes of an image or a file are: in a data URL, or on the web. */
function toSource(url: string, what: string, objections: Objections): Fields {
  if (/^https?:/i.test(url)) return { type: 'url', url };
  const comma = url.indexOf(',');
  const [scheme = '', ...parameters] = url.slice(0, comma).split(';');
  const mediaType = /^data:(.+)$/i.exec(scheme)?.[1];
  if (comma === -1 || mediaType === undefined || parameters.at(-1)?.toLowerCase() !== 'base64') {
    throw objections.refuse(`${what} but those at an http(s) URL or in a base64 data URL`);
  }
  return { type: 'base64', media_type: mediaType.toLowerCase(), data: url.slice(comma + 1) };
}

function decode(base64: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}
