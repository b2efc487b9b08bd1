// @ts-nocheck
import { describe } from '@jest/globals';
import { ReferenceStore, SharedTable } from '../support/reference-store';
import { installVirtualRuntime, settled } from '../support/virtual-runtime';
import { limiterConformance, type Setting } from './conformance';

/** A limiter in this process, or on a store that is a model of one. */
function openSetting(shared: boolean): Setting {
  const { runtime, restore } = installVirtualRuntime();
  const table = new SharedTable();
  return {
    store: () => (shared ? new ReferenceStore(table) : undefined),
    now: () => runtime.now(),
    advance: (ms) => runtime.advance(ms),
    settled,
    get pendingTimers() {
      return runtime.pendingTimers;
    },
    close: async () => restore(),
  };
}

describe('a limiter that keeps its own balances', () => {
  limiterConformance(async () => openSetting(false), 150);
});

describe('a limiter on a store', () => {
  limiterConformance(async () => openSetting(true), 150);
});
