import { workerData } from 'node:worker_threads';
import { serve } from './serve.js';
import type { WorkerSetup } from './protocol.js';
import { writeThrough } from './write-through.js';

/**
 * Begins the work of the thread.
 *
 * @param importModule The platform's own `import()`: builds make something else of it in CommonJS.
 */
export function start(importModule: (url: string) => Promise<object>): void {
  writeThrough();
  serve(workerData as WorkerSetup, importModule);
}
