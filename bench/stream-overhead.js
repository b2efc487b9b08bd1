// What a decorated `async *` method adds to each event of its stream.
import { continueWith } from 'keelson/decorators';
import { inTurn } from './in-turn.js';
import { decorated, decorators } from './overhead-subjects.js';
import { table } from './report.js';

const EVENTS = 1000;

/** A source whose events are promised one by one, as those of a transport are. */
function source() {
  let sent = 0;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: async () => (sent < EVENTS ? { value: sent++, done: false } : { value: undefined, done: true }),
    return: async () => ({ value: undefined, done: true }),
  };
}

async function* generator() {
  for (let i = 0; i < EVENTS; i++) yield i;
}

const reading = (open) => async () => {
  let sum = 0;
  for await (const event of open()) sum += event;
  return sum;
};

const three = () => decorators('errors', 'retry', 'limit');
const subjects = {
  'bare iterator': reading(source),
  'continueWith() of it, three policies': reading(
    decorated(three(), {
      async *method() {
        return continueWith(source());
      },
    }),
  ),
};
const generators = {
  'bare async generator': reading(generator),
  'the same as a method, three policies': reading(decorated(three(), { method: generator })),
};

const rows = [];
for (const group of [subjects, generators]) {
  const times = await inTurn(group, { calls: 50, rounds: 25, units: EVENTS });
  for (const name of Object.keys(group)) {
    rows.push([name, Math.round(times.ns(name)), Math.round(times.over(name))]);
  }
}
table('Overhead of policies, a stream event', ['ns', 'ns over bare'], rows);
console.log();
