// @ts-nocheck
import type { ChatToolCall, ChatToolCallDelta } from '../wire/index.js';
import { isObject, mergeFields } from './merge-delta.js';

interface Slot {
  readonly index: number;
  readonly call: { id: string; type: string } & Record<string, unknown>;
}

/** A delta as servers send it: any part may be missing or null. */
type LooseDelta = { [Field in keyof ChatToolCallDelta]?: ChatToolCallDelta[Field] | null };

/**
 * Joins the pieces of tool calls. A piece belongs to the call of its `index`; without one, to the call of its
 * `id`, or, when it has neither id nor name, to the latest. A piece with a new id and a name begins a call of
 * its own even if its index is taken: some servers number every call 0, others send a fresh id with each piece.
 */
export class ToolCallAccumulator {
  readonly #slots: Slot[] = [];

  add(deltas: unknown): void {
    if (!Array.isArray(deltas)) return;
    for (const delta of deltas) if (isObject(delta)) this.#add(delta as LooseDelta);
  }

  /** The calls so far, by index; undefined when there are none. */
  result(): ChatToolCall[] | undefined {
    if (this.#slots.length === 0) return undefined;
    const ordered = [...this.#slots].sort((a, b) => a.index - b.index);
    return ordered.map(({ call }) => {
      const { id, type, function: named, ...others } = structuredClone(call);
      const wanted =
        type === 'function' ? { function: { name: '', arguments: '', ...(named as object) } } : {};
      return { id, type, ...wanted, ...others } as unknown as ChatToolCall;
    });
  }

  #add(delta: LooseDelta): void {
    const { call } = this.#slotOf(delta);
    const { id, type, custom } = delta;
    // The first id is the one that an early reader of the stream has seen.
    if (id && call.id === '') call.id = id;
    if (type) call.type = type;
    else if (custom) call.type = 'custom';
    mergeFields(call, { ...withTextArguments(delta), id: undefined, type: undefined, index: undefined });
  }

  #slotOf(delta: LooseDelta): Slot {
    const { index, id } = delta;
    const named = Boolean(delta.function?.name ?? delta.custom?.name);
    const known =
      typeof index === 'number'
        ? this.#last((slot) => slot.index === index)
        : id
          ? this.#last((slot) => slot.call.id === id)
          : named
            ? undefined
            : this.#slots.at(-1);
    if (known !== undefined && !(named && id && known.call.id !== '' && known.call.id !== id)) return known;
    const next = this.#slots.reduce((highest, slot) => Math.max(highest, slot.index), -1) + 1;
    const slot: Slot = {
      index: typeof index === 'number' ? index : next,
      call: { id: '', type: 'function' },
    };
    this.#slots.push(slot);
    return slot;
  }

  #last(matches: (slot: Slot) => boolean): Slot | undefined {
    return this.#slots.filter(matches).at(-1);
  }
}

/** Some servers send the arguments as the object itself: the wire format wants its JSON text. */
function withTextArguments(delta: LooseDelta): Record<string, unknown> {
  const call = delta.function as { arguments?: unknown } | null | undefined;
  if (!isObject(call?.arguments)) return delta;
  return { ...delta, function: { ...call, arguments: JSON.stringify(call.arguments) } };
}
