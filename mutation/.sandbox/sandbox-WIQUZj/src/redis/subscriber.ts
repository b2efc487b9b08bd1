// @ts-nocheck
import { isNodeRedis } from './client.js';

/** A second connection, for messages alone. */
export interface Subscriber {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
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

/**
 * Opens a second connection like that of `client`, which comes back by itself as the client does, and does not keep the process
 * alive. Rejects when the client cannot be duplicated or connected.
 */
export function openSubscriber(client: object, events: SubscriberEvents): Promise<Subscriber> {
  return isNodeRedis(client)
    ? openNodeRedis(client as unknown as Duplicable, events)
    : openIoredis(client as Duplicable, events);
}

async function openIoredis(client: Duplicable, events: SubscriberEvents): Promise<Subscriber> {
  const options = { enableOfflineQueue: true, autoResubscribe: true };
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
    end: () => own.disconnect(),
  };
}

async function openNodeRedis(client: Duplicable, events: SubscriberEvents): Promise<Subscriber> {
  const own = client.duplicate({ disableOfflineQueue: false }) as NodeRedisSubscriber;
  const unref = (): void => {
    own.unref?.();
    own.pubSubNode?.client?.unref?.();
    for (const { client: node } of own.nodeByAddress?.values() ?? []) node?.unref?.();
  };
  const end = (): void => {
    if (own.destroy) own.destroy();
    else void Promise.resolve(own.disconnect()).catch(() => undefined);
  };
  own.on('error', () => undefined);
  own.on('end', () => events.onEnd());
  own.on('terminated', () => events.onEnd());
  unref();
  await own.connect();
  unref();
  return {
    async subscribe(channel) {
      await own.subscribe(channel, (message) => events.onMessage(channel, message));
      unref();
    },
    unsubscribe: (channel) => own.unsubscribe(channel),
    end,
  };
}
