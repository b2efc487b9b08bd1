// @ts-nocheck
import type { RedisClient } from './client.js';
import { openSubscriber, type Subscriber } from './subscriber.js';

interface Emitter {
  on?(event: string, listener: () => void): unknown;
  off?(event: string, listener: () => void): unknown;
}

/** The last event of a client; of clusters of node-redis it is the second. */
const LAST_EVENTS = ['end', 'disconnect'];

const hubs = new WeakMap<object, WakeHub>();

/** The one of `client`, however many stores use it: each would need a connection of its own. */
export function wakeHubOf(client: RedisClient): WakeHub {
  let hub = hubs.get(client);
  if (!hub) hubs.set(client, (hub = new WakeHub(client)));
  return hub;
}

/**
 * Hands out messages that come over a second connection. It is opened when somebody first listens, and ends with the client or when
 * nobody listens any more. Where it cannot be had nobody gets a message, and nobody hears of it: who waits asks again by himself.
 */
export class WakeHub {
  private readonly listeners = new Map<string, (message: string) => void>();
  private subscriber: Promise<Subscriber> | undefined;
  private readonly end = (): void => {
    const { client, subscriber } = this;
    this.subscriber = undefined;
    this.listeners.clear();
    for (const event of LAST_EVENTS) (client as Emitter).off?.(event, this.end);
    subscriber?.then((opened) => opened.end()).catch(() => undefined);
  };

  constructor(private readonly client: object) {}

  /**
   * Calls `listener` with every message on `channel`, which has one listener at most; `onOpen` once it can hear them, since what
   * came before it has missed.
   */
  listen(channel: string, listener: (message: string) => void, onOpen: () => void): void {
    if (this.listeners.has(channel)) return;
    this.listeners.set(channel, listener);
    this.subscriber ??= this.open();
    const { subscriber } = this;
    subscriber
      .then((opened) => opened.subscribe(channel))
      .then(
        () => {
          if (this.listeners.get(channel) === listener) onOpen();
        },
        () => {
          // Whoever listens next may have more luck.
          if (this.subscriber !== subscriber) return;
          this.listeners.delete(channel);
          if (this.listeners.size === 0) this.end();
        },
      );
  }

  leave(channel: string): void {
    if (!this.listeners.delete(channel)) return;
    if (this.listeners.size === 0) this.end();
    else this.subscriber?.then((opened) => opened.unsubscribe(channel)).catch(() => undefined);
  }

  private open(): Promise<Subscriber> {
    for (const event of LAST_EVENTS) (this.client as Emitter).on?.(event, this.end);
    const subscriber = openSubscriber(this.client, {
      onMessage: (channel, message) => this.listeners.get(channel)?.(message),
      onEnd: () => {
        if (this.subscriber === subscriber) this.end();
      },
    });
    return subscriber;
  }
}
