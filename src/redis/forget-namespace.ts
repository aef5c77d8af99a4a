import { openRedis } from './client.ts';
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
  const redis = await openRedis({ url });
  const pattern = `${keyPrefix(namespace).replace(special, '\\$&')}*`;
  try {
    let forgotten = 0;
    let cursor = '0';
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', keysPerScan);
      if (keys.length > 0) forgotten += await redis.unlink(...keys);
      cursor = next;
    } while (cursor !== '0');
    return forgotten;
  } finally {
    redis.disconnect();
  }
};
