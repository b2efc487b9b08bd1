/** The provider that docs/write-a-provider.md builds passes the conformance kit, as the page promises. */
// @ts-nocheck

import { describe, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import * as keelson from 'keelson';
import * as testing from 'keelson/testing';
import { PROVIDERS } from '../../src/providers/registry.js';

jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);

const page = readFileSync(join(__dirname, '../../docs/write-a-provider.md'), 'utf8');
const loaded: Record<string, object> = { keelson, 'keelson/testing': testing };

/** Runs a snippet that names its file. */
function load(name: string): Record<string, unknown> {
  const [, code = ''] = new RegExp(`^\`\`\`ts\\n(// ${name}\\n.*?)^\`\`\``, 'ms').exec(page) ?? [];
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const exports = {};
  new Function('require', 'exports', outputText)((path: string) => loaded[path], exports);
  return exports;
}

loaded['./parrot-client.js'] = load('parrot-client.ts');
load('parrot.test.ts');

describe('the provider of the guide', () => {
  it('refuses and drops what it says', async () => {
    const { ParrotClient } = loaded['./parrot-client.js'] as { ParrotClient: typeof keelson.GroqClient };
    const client = new ParrotClient({ apiKey: 'cracker' });
    const parameters = { type: 'object' };
    const tools = [{ type: 'function' as const, function: { name: 'fly', parameters } }];
    await expect(client.chatCompletion([{ role: 'user', content: 'Hi' }], { tools })).rejects.toThrow(
      'parrot has no tools.',
    );
    await client.close();
  });
});

describe('docs/providers.md', () => {
  const guide = readFileSync(join(__dirname, '../../docs/providers.md'), 'utf8');
  type SpecClass = { readonly name: string; readonly provider: keelson.ProviderSpec };

  it.each(Object.entries(PROVIDERS as unknown as Record<string, SpecClass>))(
    'lists %s as it is',
    (name, Class) => {
      const row = guide
        .split('\n')
        .find((line) => line.includes(`\`${name}\``) && line.includes(`\`${Class.name}\``));
      const [, , , , key, , , embeddings] = (row ?? '').split('|').map((cell) => cell.trim());
      const { env, needsApiKey = true, hasEmbeddings = true } = Class.provider;
      expect(key).toBe(needsApiKey ? `\`${env?.apiKey}\`` : 'none');
      expect(embeddings).toBe(hasEmbeddings ? 'yes' : 'no');
    },
  );
});
