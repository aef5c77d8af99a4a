import type { Redis } from 'ioredis';
import { isCluster, openRedis } from './client.ts';
import { keyPrefix } from './keys.ts';

export interface ForgetNamespaceOptions {
  readonly url: string;
  readonly namespace: string;
}

const keysPerScan = 1000;
/** Characters that mean something in a Redis pattern. */
const special = /[*?[\]\\^-]/g;

/** Deletes every key of a namespace that nobody uses any more, such as that of a replay. Returns how many there were. */
export const forgetNamespace = async ({ url, namespace }: ForgetNamespaceOptions): Promise<number> => {
  const redis = await openRedis({ url, onMisuse: 'ignore' });
  const pattern = `${keyPrefix(namespace).replace(special, '\\$&')}*`;
  try {
    let forgotten = 0;
    for (const server of isCluster(redis) ? redis.nodes('master') : [redis]) {
      forgotten += await forgetOn(server, pattern);
    }
    return forgotten;
  } finally {
    redis.disconnect();
  }
};

const forgetOn = async (server: Redis, pattern: string): Promise<number> => {
  let forgotten = 0;
  let cursor = '0';
  do {
    const [next, keys] = await server.scan(cursor, 'MATCH', pattern, 'COUNT', keysPerScan);
    // One command per key: in a cluster, keys of several slots may not share one.
    for (const [error, count] of (await unlinked(server, keys)) ?? []) {
      if (error) throw error;
      forgotten += Number(count);
    }
    cursor = next;
  } while (cursor !== '0');
  return forgotten;
};

const unlinked = (server: Redis, keys: readonly string[]): ReturnType<ReturnType<Redis['pipeline']>['exec']> => {
  const pipeline = server.pipeline();
  for (const key of keys) pipeline.unlink(key);
  return pipeline.exec();
};
