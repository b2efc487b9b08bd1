import { checkOptions } from './pipeline/options.js';
import { definePolicy, type Call } from './pipeline/index.js';
import {
  DirectStage,
  failWith,
  type Inward,
  type OnFailure,
  type OnResult,
} from './pipeline/direct-stage.js';

/** There is nothing to set: `@HandleApiErrors()` is all. */
export type HandleApiErrorsOptions = Record<string, never>;

/**
 * Turns whatever the method throws into an error of the hierarchy: a failed connection, a status, a body that
 * cannot be read, an abort. What nobody recognises becomes an `LLMError` with code `unexpected` and the original
 * as its `cause`. Retry and the other policies see errors this way with or without it; this decorator replaces
 * what the caller gets. It also maps what a stream throws after its opening.
 *
 * @throws LLMError (one of its subclasses), never anything else.
 *
 * @example
 * class Weather {
 *   @HandleApiErrors()
 *   async today(city: string) {
 *     return (await axios.get(`https://weather.example/${city}`)).data;
 *   }
 * }
 */
export const HandleApiErrors = definePolicy<HandleApiErrorsOptions>({
  kind: 'HandleApiErrors',
  place: 'HandleApiErrors',
  validate: (options, where) => checkOptions(options, {}, where),
  create: () => new HandleApiErrorsStage(),
  neverAborts: true,
});

class HandleApiErrorsStage extends DirectStage<HandleApiErrorsOptions> {
  drive(
    call: Call,
    inward: Inward,
    _options: HandleApiErrorsOptions,
    onResult: OnResult | undefined,
    onFailure: OnFailure | undefined,
  ): Promise<unknown> {
    return inward(call, onResult, (error) => failWith(onFailure, call.view(error)));
  }

  mapStreamError(call: Call, error: unknown): unknown {
    return call.view(error);
  }
}
