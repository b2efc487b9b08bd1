import type { Call } from '../pipeline/call.js';

/** What `promise` gives, or the abortion of `call`, whichever comes first. */
export function untilAborted<T>(call: Call, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const forgetAbort = call.onAbort(reject);
    promise.then(resolve, reject).then(forgetAbort);
  });
}
