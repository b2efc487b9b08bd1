/** What a body says: data where it is JSON, else the text. */
// @ts-nocheck

export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
