import { hex } from './canonical.js';

/** SHA-256 of a text in hexadecimal digits; a promise only where the runtime has no other way. */
export function sha256(text: string): string | Promise<string> {
  // Not an import: the package also loads where the module does not exist.
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto');
  if (crypto?.hash) return crypto.hash('sha256', text, 'hex');
  if (crypto) return crypto.createHash('sha256').update(text).digest('hex');
  const digest = globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return digest.then((bytes) => hex(new Uint8Array(bytes)));
}
