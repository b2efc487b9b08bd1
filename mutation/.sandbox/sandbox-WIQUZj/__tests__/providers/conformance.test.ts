// @ts-nocheck
import { jest } from '@jest/globals';
import type { BaseLLMClient, ClientOptions, ProviderSpec } from 'keelson';
import { describeProvider } from 'keelson/testing';
import { PROVIDERS } from '../../src/providers/registry.js';
import { WIRES } from './wires.js';

jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);

type SpecClass = (new (options: ClientOptions) => BaseLLMClient) & { readonly provider: ProviderSpec };

for (const Class of new Set(Object.values(PROVIDERS)) as Set<unknown> as Set<SpecClass>) {
  const wire = WIRES[Class.provider.name];
  if (!wire) throw new Error(`${Class.name} has no wire to be tested with: write one in wires.ts.`);
  describeProvider((options) => new Class(options), { name: Class.name, wire });
}
