// @ts-nocheck
import type { ChatMessage } from '../../wire/index.js';
import { readDataURL, type Objections } from '../translation.js';
import type { GeminiPart } from './wire.js';

type Content = ChatMessage['content'];
type OpenAIPart = Exclude<Exclude<Content, string | null | undefined>[number], string>;

/** Media types of files by the end of their names, for where nothing else says what they are. */
const TYPES: Readonly<Record<string, string>> = {
  ...{ png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', webp: 'image/webp', heic: 'image/heic' },
  ...{ heif: 'image/heif', gif: 'image/gif', pdf: 'application/pdf', txt: 'text/plain', md: 'text/markdown' },
  ...{
    html: 'text/html',
    csv: 'text/csv',
    json: 'application/json',
    mp4: 'video/mp4',
    mov: 'video/quicktime',
  },
  ...{ webm: 'video/webm', wav: 'audio/wav', mp3: 'audio/mp3', flac: 'audio/flac', ogg: 'audio/ogg' },
};

/** The parts for a message's content. A part without a `type` is one of Gemini's own and passes through. */
export function toParts(content: Content, objections: Objections): GeminiPart[] {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }];
  return (content ?? []).map((part) => toPart(part, objections));
}

function toPart(part: OpenAIPart, objections: Objections): GeminiPart {
  if ('prompt_cache_breakpoint' in part && part.prompt_cache_breakpoint) {
    objections.drop('messages[].content[].prompt_cache_breakpoint', 'Gemini caches by itself.');
  }
  switch (part.type) {
    case 'text':
      return { text: part.text };
    case 'refusal':
      return { text: part.refusal };
    case 'image_url': {
      const { url, detail } = part.image_url;
      if (detail !== undefined && detail !== 'auto') {
        objections.drop(
          'messages[].content[].image_url.detail',
          'Gemini takes one resolution for all, in `mediaResolution`.',
        );
      }
      return toMedium(url);
    }
    case 'input_audio':
      return { inlineData: { mimeType: `audio/${part.input_audio.format}`, data: part.input_audio.data } };
    case 'file':
      return toFile(part.file, objections);
    default:
      if ((part as { type?: unknown }).type === undefined) return part;
      throw objections.refuse(`content of the type '${String((part as { type: unknown }).type)}'`);
  }
}

function toFile(
  { file_data: data, file_id: id, filename }: { file_data?: unknown; file_id?: unknown; filename?: unknown },
  { refuse, drop }: Objections,
): GeminiPart {
  const name = typeof filename === 'string' ? filename : '';
  if (typeof id === 'string') return { fileData: { ...typeOf(name), fileUri: id } };
  if (typeof data !== 'string') throw refuse('files without `file_id` or `file_data`');
  const mimeType = typeOf(name).mimeType ?? 'application/pdf';
  const inlineData = readDataURL(data) ?? { mimeType, data };
  if (name !== '') drop('messages[].content[].file.filename', 'Gemini takes no names of files.');
  return { inlineData };
}

/** What is at an address is fetched by Gemini. */
function toMedium(url: string): GeminiPart {
  const inlineData = readDataURL(url);
  return inlineData ? { inlineData } : { fileData: { ...typeOf(url), fileUri: url } };
}

function typeOf(name: string): { mimeType?: string } {
  const [, end = ''] = /\.(\w+)(?:[?#].*)?$/.exec(name) ?? [];
  const mimeType = TYPES[end.toLowerCase()];
  return mimeType === undefined ? {} : { mimeType };
}
