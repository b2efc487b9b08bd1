import { runtime, type CancelTimer } from '../../decorators/pipeline/runtime.js';
import { stateOf, type RedisClient } from './client.js';
import { canOpenSubscriber, openSubscriber, type Subscriber } from './subscriber.js';

/** Who listens on a channel. */
export interface ChannelListener {
  onMessage(message: string): void;
  /** It can hear messages from now on: what came before it has missed. */
  onOpen(): void;
}

interface Emitter {
  on?(event: string, listener: () => void): unknown;
  off?(event: string, listener: () => void): unknown;
}

/** The last event of a client; of clusters of node-redis it is the second. */
const LAST_EVENTS = ['end', 'disconnect'];
/** A connection that is lost, or cannot be had, is tried again after so long, doubled each time. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

const hubs = new WeakMap<object, WakeHub>();

/** The one of `client`, however many stores use it: each would need a connection of its own. */
export function wakeHubOf(client: RedisClient): WakeHub {
  let hub = hubs.get(client);
  if (!hub) hubs.set(client, (hub = new WakeHub(client)));
  return hub;
}

/**
 * Hands out messages that come over a second connection. It is opened when somebody first listens, and ends with the client or when
 * nobody listens any more. While it cannot be had nobody gets a message, and nobody hears of it: who waits asks again by himself.
 */
export class WakeHub {
  private readonly listeners = new Map<string, ChannelListener>();
  private subscriber: Subscriber | undefined = undefined;
  private pauseMs = FIRST_PAUSE_MS;
  private cancelPause: CancelTimer | undefined = undefined;

  constructor(private readonly client: object) {}

  /** Tells `listener` of the messages on `channel`, until it leaves or the client ends. A channel has one listener at most. */
  listen(channel: string, listener: ChannelListener): void {
    if (this.listeners.has(channel) || !canOpenSubscriber(this.client)) return;
    if (this.listeners.size === 0) this.watchClient('on');
    this.listeners.set(channel, listener);
    if (this.subscriber) this.subscribe(this.subscriber, channel);
    else if (!this.cancelPause) this.open();
  }

  leave(channel: string): void {
    if (!this.listeners.delete(channel)) return;
    if (this.listeners.size === 0) this.end();
    else this.subscriber?.unsubscribe(channel).catch(ignore);
  }

  private readonly end = (): void => {
    this.watchClient('off');
    this.listeners.clear();
    this.cancelPause?.();
    this.cancelPause = undefined;
    this.drop();
  };

  private watchClient(how: 'on' | 'off'): void {
    for (const event of LAST_EVENTS) (this.client as Emitter)[how]?.(event, this.end);
  }

  private open(): void {
    try {
      const subscriber = openSubscriber(this.client, {
        onMessage: (channel, message) => this.listeners.get(channel)?.onMessage(message),
        onEnd: () => {
          if (this.subscriber === subscriber) this.tryLater();
        },
      });
      this.subscriber = subscriber;
      for (const channel of this.listeners.keys()) this.subscribe(subscriber, channel);
    } catch {
      this.tryLater();
    }
  }

  private subscribe(subscriber: Subscriber, channel: string): void {
    subscriber.subscribe(channel).then(
      () => {
        if (this.subscriber !== subscriber) return;
        this.pauseMs = FIRST_PAUSE_MS;
        this.listeners.get(channel)?.onOpen();
      },
      () => {
        if (this.subscriber === subscriber) this.tryLater();
      },
    );
  }

  /** The timer is ours, since those of the clients would keep the process alive. */
  private tryLater(): void {
    this.drop();
    const again = (): void => {
      this.cancelPause = undefined;
      // One that was closed while it was lost does not say so: nothing may be opened for it any more.
      if (stateOf(this.client) === 'down') this.tryLater();
      else this.open();
    };
    this.cancelPause = runtime().setTimer(again, this.pauseMs, { background: true });
    this.pauseMs = Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS);
  }

  private drop(): void {
    const { subscriber } = this;
    this.subscriber = undefined;
    try {
      subscriber?.end();
    } catch {
      // It has ended already.
    }
  }
}

function ignore(): void {
  // Nobody is to hear of it.
}
