export type {
  Call,
  CallChanges,
  CallFacts,
  CallOptions,
  CallOutcome,
  RetryAllowance,
  TokenUsage,
} from './call.js';
export { currentCall } from './context.js';
export { continueWith, type Continuation, type ReadyIterator } from './continuation.js';
export { composePolicies } from './decorator.js';
export type { AsyncMethod, AsyncMethodDecorator, MethodDecoratorArgs, PolicyUse } from './decorator.js';
export { onPolicyEvent } from './events.js';
export type {
  AttemptEvent,
  BudgetEvent,
  CacheEvent,
  CircuitEvent,
  FailureEvent,
  FallbackEvent,
  HedgeEvent,
  LimiterEvent,
  PolicyEvent,
  PolicyEventListener,
  PolicyEventOf,
  RetryEvent,
  RouteEvent,
  StoreEvent,
  SuccessEvent,
  WaitEvent,
  WarningEvent,
} from './events.js';
export { policyHost } from './host.js';
export type { CallDescription, PolicyHost, TokenEstimate } from './host.js';
export type { BuiltInPlace, Place } from './places.js';
export { policiesOf, snapshotOf } from './inspect.js';
export type { PolicyDescription, PolicySnapshot } from './inspect.js';
export { definePolicy } from './policy.js';
export type { Configurable, Next, PolicyDecorator, PolicyDefinition, PolicyTarget, Stage } from './policy.js';
