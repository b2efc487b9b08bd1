import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { show } from '../../decorators/pipeline/options.js';
import type { BaseLLMClient } from '../client/base-client.js';
import type { OpenAIClient, OpenAIClientOptions } from '../providers/openai/openai-client.js';
import { siblingFile } from './bridge.js';
import { OpenWorkerClient, WorkerClient } from './client.js';
import { optionsAsData } from './data.js';
import type { Target } from './protocol.js';
import type { ClientOf, ExportedClient, OptionsFor, SyncClient, SyncOptions } from './types.js';

export type { SyncChatCompletionStream, SyncClient, SyncOptions, SyncStream } from './types.js';

/** Options of `SyncOpenAIClient`: those of `OpenAIClient` that are no functions. */
export type SyncOpenAIClientOptions = SyncOptions<OpenAIClientOptions>;

const BlockingOpenAIClient = WorkerClient as unknown as new (target: never) => SyncClient<OpenAIClient>;

/**
 * `OpenAIClient` for scripts, configuration files and notebooks: each method blocks until its result is there. It is the
 * asynchronous client, in a worker that the first call starts; retries, limits and timeouts work as ever. Not for
 * servers: while it waits, the whole thread does.
 *
 * @example
 * using client = new SyncOpenAIClient({ retry: { maxRetries: 5 } });
 * const reply = client.chatCompletion([{ role: 'user', content: 'Hi' }]);
 * for (const chunk of client.streamChatCompletion([{ role: 'user', content: 'Hi' }])) {
 *   process.stdout.write(chunk.choices[0]?.delta.content ?? '');
 * }
 */
export class SyncOpenAIClient extends BlockingOpenAIClient {
  /**
   * The other options are checked where the client is made: at the first call.
   *
   * @throws TypeError for an option that is a function or an object of a class.
   */
  constructor(options: SyncOpenAIClientOptions = {}) {
    const label = new.target.name;
    const target: Target = {
      url: pathToFileURL(siblingFile('index', '../index.ts')).href,
      name: 'OpenAIClient',
      options: optionsAsData(options, `new ${label}()`),
      label,
    };
    super(target as never);
  }
}

/**
 * A client of your own that blocks. The worker imports the module; the export is a class, which is given `options`, or
 * a client that is ready, for options that are functions.
 *
 * @param moduleUrl The module: `new URL('./my-client.js', import.meta.url)`, or an absolute path.
 * @param exportName Default: `default`.
 * @throws TypeError for a module that is not there, and for options that cannot go into a worker.
 * @example
 * import type { HarbourClient } from './harbour-client.js';
 * const client = createSyncClient<typeof HarbourClient>(new URL('./harbour-client.js', import.meta.url), 'HarbourClient');
 */
export function createSyncClient<Exported extends ExportedClient = BaseLLMClient>(
  moduleUrl: string | URL,
  exportName = 'default',
  options?: OptionsFor<Exported>,
): SyncClient<ClientOf<Exported>> {
  const target: Target = {
    url: checkedURL(moduleUrl),
    name: exportName,
    options: options === undefined ? undefined : optionsAsData(options, 'createSyncClient()'),
    label: `the blocking client '${exportName}'`,
  };
  return new OpenWorkerClient(target) as unknown as SyncClient<ClientOf<Exported>>;
}

function checkedURL(given: string | URL): string {
  const text = String(given);
  const file = text.startsWith('file:') ? fileURLToPath(text) : text;
  if (!isAbsolute(file)) {
    throw new TypeError(
      `createSyncClient(): the module is ${show(text)}: give new URL('./my-client.js', import.meta.url), or an absolute path.`,
    );
  }
  if (!existsSync(file)) throw new TypeError(`createSyncClient(): there is no file ${file}.`);
  return pathToFileURL(file).href;
}
