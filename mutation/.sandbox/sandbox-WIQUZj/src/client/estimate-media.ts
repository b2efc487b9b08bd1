// @ts-nocheck
type Fields = Readonly<Record<string, unknown>>;

/**
 * What a picture costs, by model: at `detail: 'low'`, and otherwise. Sizes are not looked at: it is taken to have
 * 1024 × 1024 pixels. By OpenAI's formulas that is a base price and four tiles of 512 × 512, or 1024 patches of 32 × 32
 * times the model's factor; by Anthropic's, pixels over 750; by Google's, 258 a tile.
 */
const PICTURES: readonly (readonly [model: RegExp, low: number, other: number])[] = [
  [/gpt-4o-mini/, 2833, 25_501],
  [/gpt-(4\.1|5)-mini/, 1659, 1659],
  [/gpt-(4\.1|5)-nano/, 2520, 2520],
  [/o4-mini/, 1762, 1762],
  [/gpt-5/, 70, 630],
  [/\bo[13]\b/, 75, 675],
  [/claude/, 1399, 1399],
  [/gemini/, 258, 1032],
];
const ANY_PICTURE = [/^/, 85, 765] as const;

/** OpenAI counts ten tokens for a second of sound. */
const TOKENS_PER_SECOND = 10;
/** Taken for the sound: uncompressed speech at 16 kHz, or compressed to 64 kbit/s. */
const WAV_BYTES_PER_SECOND = 32_000;
const OTHER_BYTES_PER_SECOND = 8_000;

/** A file is a guess: its pages are read as text and as pictures. That of 1 MB is taken for some 20,000 tokens. */
const BYTES_PER_FILE_TOKEN = 50;
const LEAST_PER_FILE = 1_500;

/** Roughly how many tokens a part of a message costs that is a picture, a sound or a file; undefined for another. */
export function estimateMedium(part: Fields, model: string | undefined): number | undefined {
  switch (part['type']) {
    case 'image_url':
    case 'input_image':
    case 'image':
      return estimatePicture(part, model);
    case 'input_audio':
      return estimateSound(fieldsOf(part['input_audio']));
    case 'file':
    case 'input_file':
    case 'document':
      return estimateFile(part);
    default:
      return undefined;
  }
}

function estimatePicture(part: Fields, model = ''): number {
  const detail = part['detail'] ?? fieldsOf(part['image_url'])['detail'];
  const [, low, other] = PICTURES.find(([pattern]) => pattern.test(model)) ?? ANY_PICTURE;
  return detail === 'low' ? low : other;
}

function estimateSound({ data, format }: Fields): number {
  const perSecond = format === 'wav' ? WAV_BYTES_PER_SECOND : OTHER_BYTES_PER_SECOND;
  return Math.ceil((bytesOf(data) / perSecond) * TOKENS_PER_SECOND);
}

function estimateFile(part: Fields): number {
  const { file_data, data, text } = {
    ...part,
    ...fieldsOf(part['file']),
    ...fieldsOf(part['source']),
  } as Fields;
  return Math.max(LEAST_PER_FILE, Math.ceil(bytesOf(file_data ?? data ?? text) / BYTES_PER_FILE_TOKEN));
}

/** Bytes of a base64 text. */
function bytesOf(base64: unknown): number {
  return typeof base64 === 'string' ? (base64.length * 3) / 4 : 0;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
