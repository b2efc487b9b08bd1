// @ts-nocheck
const KEPT = 1000;
/** Headers whose value is a credential. */
const SECRET = /^(authorization|proxy-authorization|cookie|api-key|x-api-key|x-goog-api-key)$/;

/** A request that the test server has received. */
export interface RecordedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Names in lower case; credentials are replaced by `[redacted]`. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the body says as JSON, else its text; undefined when there was none. */
  readonly body: unknown;
}

interface Received {
  readonly method: string;
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly body: unknown;
}

/** Keeps the last requests. Their headers are read only when somebody asks, to keep each request cheap. */
export class Recorder {
  #received: (Received | RecordedRequest)[] = [];

  add(request: Received): void {
    this.#received.push(request);
    // Cut in blocks: moving every element for each request would be dear.
    if (this.#received.length >= KEPT * 2) this.#received = this.#received.slice(-KEPT);
  }

  clear(): void {
    this.#received = [];
  }

  list(): RecordedRequest[] {
    this.#received = this.#received.slice(-KEPT).map((item) => ('headers' in item ? item : recorded(item)));
    return [...(this.#received as RecordedRequest[])];
  }
}

function recorded({ method, path, rawHeaders, body }: Received): RecordedRequest {
  const headers: Record<string, string> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = SECRET.test(name) ? '[redacted]' : (rawHeaders[index + 1] ?? '');
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return { method, path, headers, body };
}
