import { readFileSync } from 'node:fs';
import type { RedisConnection } from '../../src/redis/client.ts';

const readLua = (name: string): string =>
  readFileSync(new URL(`../fixtures/blocks-before-listing/${name}.lua`, import.meta.url), 'utf8');

const promote = ['block-list', 'block-entries', 'block-counts', 'block-promote'].map(readLua).join('\n');
const transition = ['block-list', 'block-entries', 'block-counts', 'block-transition'].map(readLua).join('\n');

interface Asked {
  readonly verdict?: string;
  readonly fixed?: string;
  readonly kind?: string;
  readonly version?: string;
  readonly fields?: readonly string[];
}

/** Fields that the release before did not write. */
const newFields = ['assignee', 'label', 'labelledAtMs'];

const asBefore = (asked: Asked): Asked => ({
  ...asked,
  ...(asked.fixed !== undefined && { fixed: asked.fixed.replace('"form":1,', '') }),
  ...(asked.fields && {
    fields: asked.fields.filter((_, at, all) => !newFields.includes(all[at - (at % 2)] ?? '')),
  }),
});

/**
 * A connection on which promotions and steps are those of the release before blocks were listed in sorted sets: its own
 * scripts, with what it asked of them.
 */
export const beforeListing = (redis: RedisConnection): RedisConnection =>
  new Proxy(redis, {
    get: (target, name) => {
      if (name !== 'evalsha') {
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return (sha: string, keys: number, ...rest: string[]) => {
        const asked = JSON.parse(rest.at(-1) ?? '{}') as Asked;
        const script = asked.verdict !== undefined ? promote : asked.version !== undefined ? transition : null;
        if (script === null) return target.evalsha(sha, keys, ...rest);
        return target.eval(script, keys, ...rest.slice(0, -1), JSON.stringify(asBefore(asked)));
      };
    },
  });
