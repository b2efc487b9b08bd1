// @ts-nocheck
import { type AxiosHeaders, type AxiosResponse, CanceledError } from 'axios';
import type { Dispatcher } from 'undici';

import { type CancelTimer, runtime } from '../../decorators/pipeline/runtime.js';
import { BodyStream } from './body-stream.js';
import { type BodyTreatment, encodingOf, treatBuffer, treatStream } from './decompress.js';
import { brokenBody, connectionFailure, contentTooLong, statusFailure, timeoutFailure } from './failures.js';
import { responseHeaders } from './headers.js';
import { announceSent, type InternalHttpRequestConfig, onCancel } from './request-config.js';

type Outcome = AxiosResponse<unknown> | Promise<AxiosResponse<unknown>>;
type ParsedHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** One request and its response: undici calls it as things happen, and it settles axios's promise. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #config: InternalHttpRequestConfig;
  readonly #request: { readonly method: string; readonly url: string };
  readonly #resolve: (outcome: Outcome) => void;
  readonly #reject: (error: unknown) => void;

  #controller: Dispatcher.DispatchController | undefined;
  #response: AxiosResponse<unknown> | undefined;
  #treatment: BodyTreatment | undefined;
  #stream: BodyStream | undefined;
  #chunks: Buffer[] = [];
  #received = 0;
  /** Why the exchange ended before its time. */
  #failure: unknown;
  #cancelTimeout: CancelTimer | undefined;
  readonly #forgetCancel: () => void;

  constructor(
    config: InternalHttpRequestConfig,
    request: { readonly method: string; readonly url: string },
    resolve: (outcome: Outcome) => void,
    reject: (error: unknown) => void,
  ) {
    this.#config = config;
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    const { cancelToken, timeout } = config;
    this.#forgetCancel = onCancel(config, this.#onAbort);
    (cancelToken as CancelTokenSubject | undefined)?.subscribe(this.#onAbort);
    const timeoutMs = Number(timeout);
    if (timeoutMs > 0) {
      this.#cancelTimeout = runtime().setTimer(() => this.#fail(timeoutFailure(config, request)), timeoutMs);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== undefined) controller.abort(this.#failure as Error);
    else announceSent(this.#config);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    parsed: ParsedHeaders,
    statusText = '',
  ): void {
    if (status < 200) return;
    const config = this.#config;
    const headers = responseHeaders(parsed);
    this.#treatment = this.#treatmentOf(headers, status);
    const response = {
      data: undefined as unknown,
      status,
      statusText,
      headers,
      config,
      request: this.#request,
    };
    this.#response = response;
    if (config.responseType !== 'stream') return;

    this.#cancelTimeout?.();
    this.#stream = new BodyStream(controller, () => this.#release());
    response.data = treatStream(this.#stream, this.#treatment);
    this.#settle(response);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream !== undefined) {
      this.#stream.receive(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    const limit = this.#treatment?.maxBytes;
    if (limit !== undefined && this.#received > limit)
      this.#fail(contentTooLong(this.#config, this.#request));
  }

  onResponseEnd(): void {
    if (this.#stream !== undefined) {
      this.#stream.complete();
      return;
    }
    const response = this.#response as AxiosResponse<unknown>;
    const treatment = this.#treatment as BodyTreatment;
    const chunks = this.#chunks;
    const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, this.#received);
    if (treatment.encoding === undefined) {
      this.#release();
      this.#finish(response, body);
      return;
    }
    treatBuffer(body, treatment).then(
      (decoded) => {
        this.#release();
        if (this.#failure === undefined) this.#finish(response, decoded);
      },
      (error: unknown) => this.#fail(connectionFailure(error, this.#config, this.#request)),
    );
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#stream === undefined) this.#fail(connectionFailure(error, this.#config, this.#request));
    else if (!this.#stream.destroyed) this.#stream.destroy(brokenBody(error));
  }

  readonly #onAbort = (): void => {
    this.#fail(new CanceledError(undefined, this.#config, this.#request));
  };

  /** Ends the exchange wherever it is; later reasons do not count. */
  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#release();
    if (this.#stream !== undefined) {
      this.#stream.destroy(error as Error);
      return;
    }
    this.#reject(error);
    this.#controller?.abort(error as Error);
  }

  /** Lets go of timer and signals. */
  #release(): void {
    this.#cancelTimeout?.();
    this.#forgetCancel();
    const { cancelToken } = this.#config;
    (cancelToken as CancelTokenSubject | undefined)?.unsubscribe(this.#onAbort);
  }

  #finish(response: AxiosResponse<unknown>, body: Buffer): void {
    if (this.#config.responseType === 'arraybuffer') {
      response.data = body;
    } else {
      const encoding = (this.#config.responseEncoding ?? 'utf8') as BufferEncoding;
      const text = body.toString(encoding);
      response.data = text.charCodeAt(0) === 0xfeff && /^utf-?8$/i.test(encoding) ? text.slice(1) : text;
    }
    this.#settle(response);
  }

  #settle(response: AxiosResponse<unknown>): void {
    const failure = statusFailure(response);
    if (failure === undefined) this.#resolve(response);
    else this.#reject(failure);
  }

  #treatmentOf(headers: AxiosHeaders, status: number): BodyTreatment {
    const { decompress, maxContentLength = -1 } = this.#config;
    const fields = headers as unknown as Record<string, unknown>;
    let encoding: BodyTreatment['encoding'];
    if (decompress !== false && fields['content-encoding'] !== undefined) {
      const bodiless = this.#request.method === 'HEAD' || status === 204 || status === 304;
      if (!bodiless) encoding = encodingOf(fields['content-encoding']);
      // From here on the body is what the header said it had been before.
      if (bodiless || encoding !== undefined) delete fields['content-encoding'];
    }
    return {
      encoding,
      maxBytes: maxContentLength > -1 ? maxContentLength : undefined,
      tooLong: () => contentTooLong(this.#config, this.#request),
    };
  }
}

/** The part of axios's CancelToken that its types leave out. */
interface CancelTokenSubject {
  subscribe(listener: () => void): void;
  unsubscribe(listener: () => void): void;
}
