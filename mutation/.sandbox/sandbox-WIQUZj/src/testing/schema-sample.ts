// @ts-nocheck
import { isRecord } from './wire.js';

/** Deeper than this a recursive schema is given its smallest value. */
const MAX_DEPTH = 8;

const STRING_FORMATS: Readonly<Record<string, string>> = {
  'date-time': '2025-01-01T00:00:00Z',
  date: '2025-01-01',
  time: '00:00:00Z',
  duration: 'PT1S',
  email: 'user@example.com',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
};

/**
 * A value that fits a JSON schema, always the same for the same schema: `const`, `default`, the first of `enum` or
 * `anyOf`; every property of an object; one item in an array (or `minItems`); the least number allowed. `pattern`,
 * `not` and conditions are not read.
 */
export function sampleOf(schema: unknown, root: unknown = schema, depth = 0): unknown {
  if (!isRecord(schema)) return 'text';
  if (typeof schema['$ref'] === 'string') {
    return depth > MAX_DEPTH ? null : sampleOf(resolve(schema['$ref'], root), root, depth + 1);
  }
  if ('const' in schema) return schema['const'];
  if ('default' in schema) return schema['default'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  const options = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(options)) {
    // A recursive type ends in one of its other alternatives, usually null.
    return sampleOf(depth > MAX_DEPTH ? options[options.length - 1] : options[0], root, depth + 1);
  }
  if (Array.isArray(schema['allOf'])) return sampleOfAll(schema['allOf'], root, depth);
  const type: unknown = Array.isArray(schema['type']) ? schema['type'][0] : schema['type'];
  if (type === 'object' || isRecord(schema['properties'])) return sampleObject(schema, root, depth);
  if (type === 'array') return sampleArray(schema, root, depth);
  if (type === 'number' || type === 'integer') return sampleNumber(schema, type);
  if (type === 'boolean') return true;
  if (type === 'null') return null;
  return sampleString(schema);
}

function sampleOfAll(parts: readonly unknown[], root: unknown, depth: number): unknown {
  const samples = parts.map((part) => sampleOf(part, root, depth + 1));
  return samples.every(isRecord) ? Object.assign({}, ...samples) : samples[0];
}

function sampleObject(schema: Record<string, unknown>, root: unknown, depth: number): unknown {
  const properties = isRecord(schema['properties']) ? schema['properties'] : {};
  const required: unknown[] = Array.isArray(schema['required']) ? schema['required'] : [];
  const sample: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(properties)) {
    if (depth > MAX_DEPTH && !required.includes(name)) continue;
    sample[name] = sampleOf(property, root, depth + 1);
  }
  return sample;
}

function sampleArray(schema: Record<string, unknown>, root: unknown, depth: number): unknown {
  const least = typeof schema['minItems'] === 'number' ? schema['minItems'] : 0;
  const most = typeof schema['maxItems'] === 'number' ? schema['maxItems'] : Infinity;
  const length = depth > MAX_DEPTH ? least : Math.min(Math.max(least, 1), most);
  return Array.from({ length }, () => sampleOf(schema['items'], root, depth + 1));
}

function sampleNumber(schema: Record<string, unknown>, type: 'number' | 'integer'): number {
  const step = type === 'integer' ? 1 : 0.5;
  if (typeof schema['exclusiveMinimum'] === 'number') return Math.floor(schema['exclusiveMinimum']) + step;
  if (typeof schema['minimum'] === 'number')
    return type === 'integer' ? Math.ceil(schema['minimum']) : schema['minimum'];
  if (typeof schema['maximum'] === 'number' && schema['maximum'] < 1) return Math.floor(schema['maximum']);
  return 1;
}

function sampleString(schema: Record<string, unknown>): string {
  const format = schema['format'];
  const text = (typeof format === 'string' ? STRING_FORMATS[format] : undefined) ?? 'text';
  const least = typeof schema['minLength'] === 'number' ? schema['minLength'] : 0;
  const most = typeof schema['maxLength'] === 'number' ? schema['maxLength'] : Infinity;
  return text.padEnd(least, 'x').slice(0, most);
}

/** What a local reference (`#/$defs/name`) points at. */
function resolve(reference: string, root: unknown): unknown {
  let found: unknown = root;
  for (const step of reference.replace(/^#\/?/, '').split('/')) {
    if (step === '') continue;
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    found = isRecord(found) ? found[name] : undefined;
  }
  return found;
}
