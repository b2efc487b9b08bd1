// @ts-nocheck
import type { EncodingName } from './encoding.js';

/** What the characters beyond ASCII belong to. */
const enum Script {
  // Letters in words of the Latin alphabet.
  Latin1,
  LatinExtended,
  Vietnamese,
  // Letters in words of their own.
  Greek,
  Cyrillic,
  Hebrew,
  Arabic,
  Devanagari,
  Indic,
  // Each counts for itself.
  Thai,
  Kana,
  Han,
  Hangul,
  Punctuation,
  Symbol,
  Joiner,
  Emoji,
  RareHan,
  Nothing,
  Unknown,
}

/** Scripts up to this one continue words of the Latin alphabet. */
export const LAST_OF_LATIN: number = Script.Vietnamese;
/** Scripts after those, up to this one, form words; of the others each character counts for itself. */
export const LAST_OF_WORDS: number = Script.Indic;

/**
 * Tokens of a character, by its script. In Latin words they come on top of what the letter costs; in scripts of words
 * the first letter costs one token, and these are for the letters after it. Fitted to the encodings on texts of each
 * language, and rounded up.
 */
export const WEIGHTS: Readonly<Record<EncodingName, readonly number[]>> = {
  //           Latin1 Lat.ext Viet  Greek Cyr   Hebr  Arab  Deva  Indic Thai  Kana  Han   Hang  Punct Symb Joiner Emoji RareHan - Unknown
  o200k_base: [0.4, 1.3, 0, 0.33, 0.18, 0.26, 0.2, 0.25, 0.32, 0.48, 0.76, 0.9, 0.8, 1, 1.5, 1, 1.6, 3, 0, 1],
  cl100k_base: [1.2, 2.1, 0.8, 1.2, 0.45, 1.3, 0.9, 1.5, 1.8, 1.03, 1.05, 1.32, 1.25, 1, 2, 1, 3, 3, 0, 2],
};

/** The script of a UTF-16 code unit from 128 up. */
export function scriptOf(code: number): number {
  if (code < 0x1000) {
    if (code < 0xc0) return Script.Punctuation;
    if (code < 0x100) return Script.Latin1;
    if (code < 0x250) return Script.LatinExtended;
    if (code < 0x370) return Script.Unknown;
    if (code < 0x400) return Script.Greek;
    if (code < 0x530) return Script.Cyrillic;
    if (code < 0x590) return Script.Unknown;
    if (code < 0x600) return Script.Hebrew;
    if (code < 0x780) return Script.Arabic;
    if (code < 0x900) return Script.Unknown;
    if (code < 0x980) return Script.Devanagari;
    if (code < 0xe00) return Script.Indic;
    return code < 0xe80 ? Script.Thai : Script.Unknown;
  }
  if (code >= 0x3400) {
    if (code < 0xa000) return Script.Han;
    if (code < 0xac00) return Script.Unknown;
    if (code < 0xd7b0) return Script.Hangul;
    if (code < 0xd800) return Script.Unknown;
    // A pair is counted by its first half.
    if (code < 0xdc00) return code >= 0xd840 && code < 0xd888 ? Script.RareHan : Script.Emoji;
    if (code < 0xe000) return Script.Nothing;
    if (code >= 0xf900 && code < 0xfb00) return Script.Han;
    if (code >= 0xfb50 && code < 0xfe00) return Script.Arabic;
    if (code === 0xfe0f) return Script.Joiner;
    if (code >= 0xfe70 && code < 0xff00) return Script.Arabic;
    return code >= 0xff00 && code < 0xfff0 ? Script.Punctuation : Script.Unknown;
  }
  if (code < 0x1e00) return Script.Unknown;
  if (code < 0x1f00) return Script.Vietnamese;
  if (code < 0x2000) return Script.Greek;
  if (code === 0x200d) return Script.Joiner;
  if (code < 0x2070) return Script.Punctuation;
  if (code < 0x3000) return Script.Symbol;
  if (code < 0x3040) return Script.Punctuation;
  return code < 0x3100 ? Script.Kana : Script.Unknown;
}
