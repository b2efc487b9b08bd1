// The calls of a run, drawn from a seed, so that the provider and all contenders know the same ones.
import { logUniform, pick, seeded } from './random.js';

const SHORTEST_PROMPT = 50;
const LONGEST_PROMPT = 3_000;
const CHARACTERS_PER_TOKEN = 4;

const words =
  `the of a and to in is that it was for on are with as at be this have from or had by not but what some we can out
  other were all there when up use your how said an each she which do their time if will way about many then them
  write would like so these her long make thing see him two has look more day could go come did number sound no most
  people my over know water than call first who may down side been now find any new work part take get place made live
  where after back little only round man year came show every good me give our under name very through just form sentence
  great think say help low line differ turn cause much mean before move right boy old too same tell does set three want
  air well also play small end put home read hand port large spell add even land here must big high such follow act why
  ask men change went light kind off need house picture try us again animal point mother world near build self earth
  customer invoice delivery contract quarter revenue shipment question answer summary translation committee government
  research hospital temperature measurement development relationship particularly information environment`
    .trim()
    .split(/\s+/);
const names = ['user', 'order', 'total', 'index', 'result', 'buffer', 'request', 'status', 'config', 'value'];

function sentence(random) {
  const chosen = Array.from({ length: 5 + Math.floor(random() * 14) }, () => pick(random, words));
  const [first, ...others] = chosen;
  const comma = Math.floor(others.length / 2);
  others[comma] += ',';
  return `${first[0].toUpperCase()}${first.slice(1)} ${others.join(' ')}. `;
}

function record(random) {
  const fields = Array.from({ length: 4 }, () => [pick(random, names), Math.floor(random() * 10_000)]);
  return `${JSON.stringify({ id: Math.floor(random() * 1e6), name: pick(random, words), ...Object.fromEntries(fields) })}\n`;
}

function statement(random) {
  const [a, b] = [pick(random, names), pick(random, names)];
  return `  const ${a} = await this.${b}(${a}, { limit: ${Math.floor(random() * 100)} });\n  if (${a} === undefined) return ${b};\n`;
}

/** Three prompts of five are prose, one is records of data, one is code. */
const kinds = [sentence, sentence, sentence, record, statement];

function prompt(random, index) {
  const piece = pick(random, kinds);
  const length = logUniform(random, SHORTEST_PROMPT, LONGEST_PROMPT) * CHARACTERS_PER_TOKEN;
  let text = `Call ${index}. `;
  while (text.length < length) text += piece(random);
  return text.slice(0, length);
}

/**
 * `count` calls: `{ index, prompt, maxTokens, outputTokens, latencyMs }`. The output is 20 to 100 % of `maxTokens`;
 * the latency grows with it, from 50 to 600 ms, give or take a fifth.
 */
export function workload(seed, count) {
  const random = seeded(seed);
  return Array.from({ length: count }, (_, index) => {
    const maxTokens = logUniform(random, 100, 2_000);
    const outputTokens = Math.ceil(maxTokens * (0.2 + 0.8 * random()));
    const latencyMs = (50 + (550 * outputTokens) / 2_000) * (0.8 + 0.4 * random());
    return { index, maxTokens, outputTokens, latencyMs, prompt: prompt(random, index) };
  });
}

/** The number that a prompt begins with. */
export const indexOf = (text) => Number(/^Call (\d+)\./.exec(text)?.[1]);
