// A call as the pipeline hands it to a limiter, with nothing that costs time.
import { policyHost } from 'keelson/decorators';

/** The least that a limiter needs of a call. */
export class Call {
  options = {};
  attempt = 1;
  streaming = false;
  observed = false;
  entered = true;
  attempts = [];
  facts = {};
  args = [];
  deadline = undefined;
  listener = undefined;

  constructor(self) {
    this.self = self;
  }

  throwIfAborted() {}
  onAbort(listener) {
    this.listener = listener;
    return () => (this.listener = undefined);
  }
  emit() {}
}

export const host = { [policyHost]: { estimate: () => ({ inputTokens: 800, maxOutputTokens: 600 }) } };
export const facts = { sent: true, statusCode: 200, usage: { inputTokens: 800, outputTokens: 300 } };
export const outcome = { result: undefined };
