// @ts-nocheck
import type { EncodingName } from './encoding.js';
import { LAST_OF_LATIN, LAST_OF_WORDS, scriptOf, WEIGHTS } from './scripts.js';

/** What a character of ASCII is to a tokenizer. */
const enum Kind {
  Lower,
  Upper,
  Digit,
  Space,
  Break,
  Sign,
  /** The signs of base64, of ids and of paths: they do not end what they stand in. */
  Link,
  Control,
  /** Beyond ASCII. Only ever the kind of the character before, as is the next. */
  Other,
  Start,
}
const KINDS = 8;
const KINDS_BEFORE = 10;

const KIND_OF = new Uint8Array(128).map((_, code) => {
  const char = String.fromCharCode(code);
  if (/[a-z]/.test(char)) return Kind.Lower;
  if (/[A-Z]/.test(char)) return Kind.Upper;
  if (/[0-9]/.test(char)) return Kind.Digit;
  if (char === ' ') return Kind.Space;
  if (/[\r\n]/.test(char)) return Kind.Break;
  if (/[-+/_]/.test(char)) return Kind.Link;
  return code < 32 || code === 127 ? Kind.Control : Kind.Sign;
});

/** Runs longer than this go on three places back, which keeps digits in step. */
const LONGEST_RUN = 15;
/** Letters and digits that alternate so often are no word but base64, hex or an id. */
const ALTERNATIONS = 2;

const isLetter = (kind: number): boolean => kind <= Kind.Upper;

/** Whether a character belongs to the same word, number or row of signs as the one before. */
function continues(before: number, kind: number): boolean {
  if (kind === Kind.Upper) return before === Kind.Upper;
  if (kind === Kind.Lower) return isLetter(before);
  if (kind === Kind.Sign || kind === Kind.Link) return before === Kind.Sign || before === Kind.Link;
  return before === kind;
}

/** Tokens of a character, by its kind, that of the one before, and its place in their run. Fitted to o200k_base. */
function costOf(before: number, kind: number, run: number, jumble: boolean): number {
  const first = !continues(before, kind);
  switch (kind) {
    case Kind.Lower:
    case Kind.Upper:
      if (jumble) return before === Kind.Digit ? 0.8 : 0.67;
      if (first) {
        if (before === Kind.Space || before === Kind.Start) return 0.85;
        return before === Kind.Digit ? 1.3 : 0.35;
      }
      if (kind === Kind.Upper) return 0.1;
      return run <= 4 ? 0.05 : run <= 8 ? 0.13 : 0.32;
    case Kind.Digit:
      // By three, and the blank before a number is a token of its own.
      return run % 3 !== 1 ? 0 : before === Kind.Space ? 2 : 1;
    case Kind.Space:
      // One belongs to the word after it, the others are one token.
      return first ? 0 : run === 2 ? 1 : 0.02;
    case Kind.Break:
      return !first || before === Kind.Sign || before === Kind.Link ? 0.1 : 0.9;
    case Kind.Sign:
    case Kind.Link:
      return first ? 1.05 : 0.23;
    default:
      return first ? 1 : 0.5;
  }
}

const CONTINUES = new Uint8Array(KINDS_BEFORE * KINDS);
const ALTERNATES = new Uint8Array(KINDS_BEFORE * KINDS);
const COSTS = new Float64Array(2 * KINDS_BEFORE * KINDS * (LONGEST_RUN + 1));
/** Where in `COSTS` those of a jumble of letters and digits begin. */
const OF_JUMBLE = COSTS.length / 2;
for (let before = 0; before < KINDS_BEFORE; before++) {
  for (let kind = 0; kind < KINDS; kind++) {
    const pair = before * KINDS + kind;
    CONTINUES[pair] = Number(continues(before, kind));
    ALTERNATES[pair] = Number(
      (isLetter(before) && kind === Kind.Digit) || (before === Kind.Digit && isLetter(kind)),
    );
    for (let run = 1; run <= LONGEST_RUN; run++) {
      const index = pair * (LONGEST_RUN + 1) + run;
      COSTS[index] = costOf(before, kind, run, false);
      COSTS[OF_JUMBLE + index] = costOf(before, kind, run, true);
    }
  }
}
/** Whether a jumble of letters and digits may go on after a character. */
const KEEPS_JUMBLE = new Uint8Array([1, 1, 1, 0, 0, 0, 1, 0]);

/**
 * Roughly how many tokens a text has, in the encoding of its model; at least 1 unless it is empty. It knows nothing of
 * the vocabulary, only how tokenizers of the GPT family cut (words with the blank before them, changes of case, digits
 * by three, signs) and how many tokens the words of a script take. Within some 15 % of the real tokenizer on ordinary
 * text, rather over than under; a longer text never has fewer. Takes some 15 ns a character.
 */
export function estimateTokens(text: string, encoding: EncodingName): number {
  const { length } = text;
  const weights = WEIGHTS[encoding];
  let total = 0;
  let before: number = Kind.Start;
  /** The character before, or its script. */
  let codeBefore = -1;
  /** How many characters of the same word or the same kind have come in a row. */
  let run = 0;
  let alternations = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    let kind: number = Kind.Lower;
    if (code >= 128) {
      const script = scriptOf(code);
      const weight = weights[script] as number;
      if (script > LAST_OF_LATIN) {
        const startsWord = script <= LAST_OF_WORDS && (before !== Kind.Other || codeBefore !== script);
        total += startsWord ? 1 : weight;
        before = Kind.Other;
        codeBefore = script;
        alternations = 0;
        continue;
      }
      total += weight; // on top of what a letter costs
    } else kind = KIND_OF[code] as number;
    const pair = before * KINDS + kind;
    run = run * (CONTINUES[pair] as number) + 1;
    if (run > LONGEST_RUN) run -= 3;
    alternations = (alternations + (ALTERNATES[pair] as number)) * (KEEPS_JUMBLE[kind] as number);
    const cost = COSTS[(alternations < ALTERNATIONS ? 0 : OF_JUMBLE) + pair * (LONGEST_RUN + 1) + run];
    // A line of one sign is few tokens.
    total += code === codeBefore && kind === Kind.Sign ? 0.05 : (cost as number);
    before = kind;
    codeBefore = code;
  }
  return length === 0 ? 0 : Math.max(1, Math.ceil(total));
}
