// @ts-nocheck
import { createHash } from 'node:crypto';

import { observe } from './observe.js';
import { pause } from './pause.js';
import { prelude } from './prelude.js';
import { settle } from './settle.js';
import { take } from './take.js';

/** A Lua script, and the name by which Redis knows it once it has run. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

function script(operation: string): Script {
  const source = `${prelude.trim()}\n${operation.trim()}\n`;
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

/** One script for each operation: Redis runs it as a whole, so that all of it happens at one moment. */
export const scripts = {
  take: script(take),
  settle: script(settle),
  observe: script(observe),
  pause: script(pause),
};
