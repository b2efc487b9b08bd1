/** Decodes UTF-8 that is cut anywhere. */
// @ts-nocheck

export function utf8Decoder(): (bytes: Uint8Array) => string {
  // Not an import: the package also loads where the module does not exist. Where it does, it gives one-byte
  // strings for ASCII, which TextDecoder does not, and to decode and parse those costs a third less.
  const { StringDecoder } = globalThis.process?.getBuiltinModule?.('node:string_decoder') ?? {};
  if (StringDecoder) {
    const decoder = new StringDecoder('utf8');
    return (bytes) => decoder.write(bytes as Buffer);
  }
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return (bytes) => decoder.decode(bytes, { stream: true });
}
