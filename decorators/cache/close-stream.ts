/** Ends a stream that nobody will read. */
export function closeStream(stream: AsyncIterable<unknown>): void {
  const { destroy } = stream as { destroy?: () => void };
  if (typeof destroy === 'function') destroy.call(stream);
  else void Promise.resolve(stream[Symbol.asyncIterator]().return?.()).catch(() => undefined);
}
