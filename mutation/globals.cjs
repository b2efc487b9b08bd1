/** What `@jest/globals` offers, by jest's own parts on mocha's functions: as much of it as the suites use. */
const { ModernFakeTimers } = require('@jest/fake-timers');
const { expect } = require('expect');
const { bind } = require('jest-each');
const { ModuleMocker } = require('jest-mock');

const timers = new ModernFakeTimers({ config: { rootDir: '', fakeTimers: {} }, global: globalThis });
const mocker = new ModuleMocker(globalThis);

/** Tests of what a hundred thousand callers cost; they tell nothing of a mutant that others would not, and take seconds. */
const LOAD = /100,000/;

const it = (title, run) => (LOAD.test(title) ? undefined : globalThis.it(title, run));
const describe = (title, body) => globalThis.describe(title, body);
it.each = bind(it);
it.skip = (title) => globalThis.it.skip(title);
describe.each = bind(describe, false);

/**
 * Leaves a test out that loads modules anew: what runs as they load would count as its code, and a mutant there changes only
 * what is loaded after it.
 */
let running;
const leaveOut = () => running.skip();
exports.watch = (test) => (running = test);

exports.globalsOf = (require) => ({
  expect,
  describe,
  it,
  test: it,
  beforeAll: globalThis.before,
  afterAll: globalThis.after,
  beforeEach: globalThis.beforeEach,
  afterEach: globalThis.afterEach,
  jest: {
    fn: mocker.fn.bind(mocker),
    spyOn: mocker.spyOn.bind(mocker),
    restoreAllMocks: () => mocker.restoreAllMocks(),
    isolateModules: leaveOut,
    resetModules: leaveOut,
    requireActual: require,
    useFakeTimers: () => timers.useFakeTimers(),
    useRealTimers: () => timers.useRealTimers(),
    getTimerCount: () => timers.getTimerCount(),
    advanceTimersByTimeAsync: (ms) => timers.advanceTimersByTimeAsync(ms),
  },
});
