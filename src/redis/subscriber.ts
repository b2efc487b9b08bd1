import { isNodeRedis } from './client.js';

/** A second connection, for messages alone. */
export interface Subscriber {
  /** Resolves when messages on `channel` are heard. */
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  /** Ends it at once, also while it connects. */
  end(): void;
}

export interface SubscriberEvents {
  onMessage(channel: string, message: string): void;
  /** The connection is gone for good: its client has given it up. */
  onEnd(): void;
}

type Listener = (...args: never[]) => void;

interface Socket {
  unref?(): unknown;
}

interface IoredisSubscriber {
  readonly status?: unknown;
  readonly stream?: Socket | null;
  on(event: string, listener: Listener): unknown;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  disconnect(): unknown;
}

interface NodeRedisSubscriber extends Socket {
  /** Of a cluster: a client for each node, and the one that hears messages. */
  readonly nodeByAddress?: ReadonlyMap<string, { readonly client?: Socket | undefined }>;
  readonly pubSubNode?: { readonly client?: Socket | undefined } | undefined;
  on(event: string, listener: Listener): unknown;
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  /** From version 5 on; before, `disconnect`. */
  destroy?(): unknown;
  disconnect(): unknown;
}

interface Duplicable {
  readonly isCluster?: unknown;
  duplicate(...options: unknown[]): unknown;
}

/** Whether a second connection can be had by the means of `client`. */
export function canOpenSubscriber(client: object): boolean {
  return typeof (client as Partial<Duplicable>).duplicate === 'function';
}

/** Opens a second connection like that of `client`, which does not keep the process alive. Throws when it cannot be duplicated. */
export function openSubscriber(client: object, events: SubscriberEvents): Subscriber {
  return isNodeRedis(client)
    ? openNodeRedis(client as unknown as Duplicable, events)
    : openIoredis(client as Duplicable, events);
}

function openIoredis(client: Duplicable, events: SubscriberEvents): Subscriber {
  // It does not connect again by itself: with such a timer it would keep the process alive.
  const never = { retryStrategy: null, clusterRetryStrategy: null, sentinelRetryStrategy: null };
  const options = { enableOfflineQueue: true, ...never };
  const own = (
    client.isCluster === true ? client.duplicate([], options) : client.duplicate(options)
  ) as IoredisSubscriber;
  // What is wrong with the connection the user hears from his own client; an unheard error would end the process.
  own.on('error', () => undefined);
  own.on('connect', () => own.stream?.unref?.());
  own.on('end', () => events.onEnd());
  own.on('message', (channel: string, message: string) => events.onMessage(channel, message));
  return {
    subscribe: (channel) => own.subscribe(channel),
    unsubscribe: (channel) => own.unsubscribe(channel),
    end() {
      // On one that has ended it would set a timer, which keeps the process alive.
      if (own.status !== 'end') own.disconnect();
    },
  };
}

function openNodeRedis(client: Duplicable, events: SubscriberEvents): Subscriber {
  const own = client.duplicate({ disableOfflineQueue: false }) as NodeRedisSubscriber;
  const unref = (): void => {
    own.unref?.();
    own.pubSubNode?.client?.unref?.();
    for (const { client: node } of own.nodeByAddress?.values() ?? []) node?.unref?.();
  };
  own.on('error', () => undefined);
  own.on('end', () => events.onEnd());
  own.on('terminated', () => events.onEnd());
  unref();
  const connected = own.connect();
  connected.catch(() => events.onEnd());
  return {
    async subscribe(channel) {
      await connected;
      await own.subscribe(channel, (message) => events.onMessage(channel, message));
      unref();
    },
    async unsubscribe(channel) {
      // Not before what has subscribed to it.
      await connected;
      await own.unsubscribe(channel);
    },
    end() {
      if (own.destroy) own.destroy();
      else void Promise.resolve(own.disconnect()).catch(() => undefined);
    },
  };
}
