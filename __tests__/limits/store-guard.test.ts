import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreUnavailableError } from '../../decorators/errors/index';
import { StoreGuard } from '../../decorators/limits/store-guard';
import { ReferenceStore } from '../support/reference-store';
import { installVirtualRuntime, settled, type VirtualRuntime } from '../support/virtual-runtime';
import { FakeCall } from './fake-call';

let runtime: VirtualRuntime;
let restore: () => void;
let guard: StoreGuard;
beforeEach(() => {
  ({ runtime, restore } = installVirtualRuntime());
  runtime.block(7000);
  guard = new StoreGuard(new ReferenceStore());
});
afterEach(() => restore());

/** An operation that is under way until the test ends it. */
function begin(how: Parameters<StoreGuard['run']>[1] = {}) {
  let [end, fail] = [(_answer: string): void => undefined, (_error?: unknown): void => undefined];
  const answer = guard.run(() => new Promise<string>((...ends) => ([end, fail] = ends)), how);
  return { answer, end, fail };
}

const down = new Error('connect ECONNREFUSED');
const isDown = () => guard.isDown(runtime.now());
const told = ({ events }: FakeCall) => events.filter(({ type }) => type === 'store');
async function failAll(...operations: { fail(error?: unknown): void }[]): Promise<void> {
  for (const { fail } of operations) fail(down);
  await settled();
}

describe('an answer', () => {
  it('is passed on, and leaves no timer', async () => {
    const { answer, end } = begin();
    end('yes');
    expect(await answer).toBe('yes');
    expect([isDown(), guard.failure, runtime.pendingTimers]).toEqual([false, undefined, 0]);
  });

  it('that is missing is none after its time', async () => {
    const { answer } = begin();
    await runtime.advance(249);
    expect(isDown()).toBe(false);
    await runtime.advance(1);
    expect(await answer).toBeUndefined();
    expect([isDown(), runtime.pendingTimers]).toEqual([true, 0]);
  });

  it('that comes too late is given to who wants it, and changes nothing', async () => {
    const late: string[] = [];
    const [wanted, unwanted] = [begin({ onLate: (answer) => late.push(answer as string) }), begin()];
    await runtime.advance(250);
    wanted.end('late');
    unwanted.end('late, too');
    await settled();
    expect([late, isDown()]).toEqual([['late'], true]);
  });

  it('makes a store one that answers at once, though another of its answers has failed', async () => {
    const [failing, answering] = [begin(), begin()];
    await failAll(failing);
    expect(isDown()).toBe(true);
    answering.end('yes');
    await settled();
    expect(isDown()).toBe(false);
  });
});

describe('a failure', () => {
  it('may be thrown at once', async () => {
    const thrown = guard.run(() => {
      throw down;
    });
    expect(await thrown).toBeUndefined();
    expect(guard.failure).toBe(down);
  });

  it('without an error is one all the same', async () => {
    const { answer, fail } = begin();
    fail();
    expect(await answer).toBeUndefined();
    expect([isDown(), guard.failure]).toEqual([true, new Error('The store failed.')]);
  });

  it('tells that the operation was not carried out; one that comes too late does not, and changes nothing', async () => {
    let unsent = 0;
    const onUnsent = () => unsent++;
    const late = begin({ onUnsent });
    await runtime.advance(250);
    const { failure } = guard;
    // It is asked again from here on; a failure now would count as the second.
    await runtime.advance(1000);
    await failAll(late);
    expect([unsent, guard.failure === failure, isDown()]).toEqual([0, true, false]);
    await failAll(begin({ onUnsent }));
    expect([unsent, guard.failure, isDown()]).toEqual([1, down, true]);
  });

  it('of several that were under way counts once', async () => {
    await failAll(begin(), begin(), begin());
    await runtime.advance(999);
    expect(isDown()).toBe(true);
    await runtime.advance(1);
    expect(isDown()).toBe(false);
  });

  it('is kept while the store is left alone', async () => {
    await failAll(begin());
    let unsent = 0;
    await guard.run(() => Promise.reject(new Error('asked in vain')), { onUnsent: () => unsent++ });
    expect([unsent, guard.failure]).toEqual([1, down]);
  });

  it('is that of a connection which is not ready', async () => {
    Object.assign(guard.store, { isReady: () => false });
    await guard.run(() => Promise.reject(new Error('asked in vain')));
    expect(guard.failure).toEqual(new Error('The connection to the store is not ready.'));
  });
});

describe('who listens', () => {
  it('is told of no store that answers from the beginning', async () => {
    const call = new FakeCall();
    begin({ call }).end('yes');
    await settled();
    expect(told(call)).toEqual([]);
  });

  it('is told once that it is down, and once that it is back', async () => {
    const [first, second, third] = [new FakeCall(), new FakeCall(), new FakeCall()];
    const [one, other] = [begin({ call: first }), begin({ call: second })];
    await failAll(one, other);
    const event = { type: 'store', state: 'down', error: expect.any(StoreUnavailableError) };
    expect([told(first), told(second)]).toEqual([[event], []]);
    await runtime.advance(1000);
    const [back, again] = [begin({ call: third }), begin({ call: third })];
    back.end('yes');
    again.end('yes');
    await settled();
    expect(told(third)).toEqual([{ type: 'store', state: 'up' }]);
  });

  it('is told by the next call where none has seen it', async () => {
    await failAll(begin());
    await runtime.advance(1000);
    const call = new FakeCall();
    await failAll(begin({ call }));
    expect(told(call)).toMatchObject([{ state: 'down' }]);
  });
});
