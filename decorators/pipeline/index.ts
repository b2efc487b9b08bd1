export type { Call, CallFacts, CallOptions, CallOutcome, TokenUsage } from './call.js';
export { currentCall } from './context.js';
export { continueWith, type Continuation, type ReadyIterator } from './continuation.js';
export type { AsyncMethod, AsyncMethodDecorator, MethodDecoratorArgs } from './decorator.js';
export { onPolicyEvent } from './events.js';
export type {
  AttemptEvent,
  FailureEvent,
  LimiterEvent,
  PolicyEvent,
  PolicyEventListener,
  PolicyEventOf,
  RetryEvent,
  SuccessEvent,
  WaitEvent,
  WarningEvent,
} from './events.js';
export { policyHost } from './host.js';
export type { PolicyHost, TokenEstimate } from './host.js';
export type { BuiltInPlace, Place } from './places.js';
export { policiesOf } from './plan.js';
export type { PolicyDescription } from './plan.js';
export { definePolicy } from './policy.js';
export type { Configurable, Next, PolicyDecorator, PolicyDefinition, PolicyTarget, Stage } from './policy.js';
