import { fromFailure, type ErrorResponse, type LLMError } from '../../decorators/errors/index.js';
import type { Limiter } from '../../decorators/limits/index.js';
import type { Call, CallDescription, PolicyHost, TokenEstimate } from '../../decorators/pipeline/index.js';
import { checkCall } from './arguments.js';
import type { Credentials } from './credentials.js';
import type { Lifecycle } from './lifecycle.js';
import { logEvent, type Logger } from './logging.js';
import type { ClientOptions } from './options.js';
import { rememberCalls } from './response-info.js';

/** What the policies' view of a client is made of. */
export interface HostParts {
  readonly provider: string;
  readonly options: ClientOptions;
  readonly limiter: Limiter | undefined;
  /** What clients of the same provider and key have in common. */
  readonly retryBudgetOwner: object;
  readonly credentials: Credentials;
  account(): string;
  readonly lifecycle: Lifecycle;
  readonly logger: Logger | undefined;
  /** Whether the class sends as this package does: whoever overrides that may ask for the call after an `await`. */
  sendsAsWeDo(): boolean;
  methodLabel(method: string): string;
  callOptionsAt(method: string): number | undefined;
  checkArguments(method: string, args: readonly unknown[]): void;
  estimate(call: Call): TokenEstimate | undefined;
  describe(call: Call): CallDescription;
  withModel(method: string, args: readonly unknown[], model: string): readonly unknown[] | undefined;
  readError(response: ErrorResponse): LLMError;
  carriesContent(method: string, event: unknown): boolean;
}

/** What the decorators know of a client. */
export function clientHost(client: HostParts): PolicyHost {
  const { provider, options, limiter, credentials, lifecycle, logger, retryBudgetOwner } = client;
  return {
    methodLabel: (method) => client.methodLabel(String(method)),
    callOptions: (method) => client.callOptionsAt(String(method)),
    checkArguments: (method, args) => {
      const name = String(method);
      lifecycle.checkOpen(name);
      checkCall(name, args, client.callOptionsAt(name), `${client.methodLabel(name)}()`);
      client.checkArguments(name, args);
    },
    // The user's function is asked for the key after an `await`.
    asksAtOnce: () => client.sendsAsWeDo() && !credentials.areAskedFor,
    onCall: (call) => {
      lifecycle.begin(call);
      call.onEnd(({ result }) => {
        if (typeof result === 'object' && result !== null) rememberCalls(result, [call]);
        lifecycle.end(call);
      });
    },
    policyOptions: (kind) => {
      if (kind === 'RetryWithBackoff') return options.retry;
      if (kind === 'Timeout') return options.timeouts;
      return kind === 'RateLimited' ? (limiter ?? false) : undefined;
    },
    ...(options.policies && { policies: options.policies }),
    describe: (call) => client.describe(call),
    withModel: (method, args, model) => client.withModel(String(method), args, model),
    account: () => client.account(),
    // What a path of the API does is known to the caller alone.
    cacheable: ({ method }) => method !== 'request',
    onReplay: (call, first) => rememberCalls(first as object, [call]),
    retryBudgetOwner: () => retryBudgetOwner,
    estimate: (call) => client.estimate(call),
    failure: (error) => {
      const { secrets } = credentials;
      const readError = (response: ErrorResponse): LLMError => client.readError(response);
      const failure = fromFailure(error, { provider, secrets, readError });
      (failure as { provider?: string }).provider ??= provider;
      return failure;
    },
    carriesContent: (method, event) => client.carriesContent(String(method), event),
    emit: (event) => logger && logEvent(logger, event),
    observed: () => logger !== undefined,
  };
}
