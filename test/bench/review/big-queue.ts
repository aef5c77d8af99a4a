import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { RedisBlockList } from '../../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../../src/redis/client.ts';
import { keyPrefix } from '../../../src/redis/keys.ts';
import { loadScript } from '../../../src/redis/scripts.ts';

export const blocksInQueue = 1_000_000;
const blocksPerCall = 500;

/**
 * Stored as the list's own scripts store it, on the server: a million promotions from here would take minutes. Of all
 * blocks 2 % are proposed, 60 % active, 3 % confirmed, the rest ended; 5 rules, one of them rare; 8 of 10 are about addresses;
 * a hundredth is of one of 1000 tenants; made over 20 days, ending over the next 30.
 */
const seed = `
local asked = cjson.decode(ARGV[2])
local rules = { 'breadth', 'depth', 'network-breadth', 'slow-scan' }
for index = asked.from, asked.to do
  local number = (index * 2654435761) % 4294967296
  local share = number % 1000
  local state = share < 20 and 'proposed' or share < 620 and 'active' or share < 650 and 'confirmed'
    or share < 700 and 'lifted' or share < 720 and 'shadow' or share < 740 and 'superseded' or 'expired'
  local made = now - math.floor((asked.total - index) * 20 * day / asked.total)
  local ends = state == 'expired' and now - number % day or now + hour + number % (30 * day)
  local rule = number % 20011 == 0 and 'rare' or rules[1 + index % 4]
  local tenant = index % 100 == 7 and 'tenant-' .. whole(number % 1000) or ''
  local kind = index % 10 < 8 and 'ip' or index % 10 == 8 and 'key' or 'user'
  local name = kind == 'ip' and string.format('%d.%d.%d.%d', 1 + math.floor(number / 16777216) % 222, math.floor(number / 65536) % 256,
    math.floor(number / 256) % 256, number % 256) or 'id-' .. whole(number)
  local denied = math.floor(number / 1000) % 5000
  local id = 'b-' .. string.format('%043d', index)
  local fixed = string.format(asked.fixed, kind, name, tenant, rule, string.sub(id, 3), denied)
  redis.call('HSET', key('block', id), 'version', 1, 'blockedAtMs', whole(made), 'expiresAtMs', whole(ends), 'fixed', fixed,
    'state', state, 'strikes', 1, 'reason', '', 'actor', 'detector', 'action', 'refuse', 'identities', '0',
    'strikeTtlMs', whole(day), 'label', (state == 'confirmed' or state == 'lifted') and 'confirmed' or '')
  redis.call('PEXPIRE', key('block', id), 60 * day)
  redis.call('ZADD', key('blocks'), index, id)
  local member, judged = member_of(index), (state == 'confirmed' or state == 'lifted') and '1' or '0'
  local part = state_letters[state] .. judged .. kind_letters[kind] .. 'd ' .. rule
  redis.call('SADD', key('parts'), part)
  redis.call('ZADD', part_key(part, 'o'), index, member)
  redis.call('ZADD', part_key(part, 'e'), whole(ends), member)
  redis.call('ZADD', part_key(part, 'd'), denied, member)
  local bucket, digest = about_of({ kind = kind, id = name })
  redis.call('ZADD', bucket, 0, digest .. member)
  if tenant ~= '' then redis.call('ZADD', key('tenant', tenant), index, member) end
  if index % 10000 == 3 then
    redis.call('HSET', key('block', id), 'assignee', 'ada')
    redis.call('ZADD', key('assigned'), index, member)
    redis.call('ZADD', key('assigned', 'ada'), index, member)
  end
end
redis.call('HSET', list, 'order', asked.to, 'indexed', asked.to, 'adopted', asked.to)
live_until(now + 60 * day, key('blocks'), key('parts'))
return { 'done' }
`;

/** What never changes of a block, as a detector concludes it; the seed fills in what differs. */
const fixedForm = JSON.stringify({
  form: 1,
  subject: { kind: '%s', id: '%s' },
  origin: 'detector',
  tenant: '%s',
  rule: '%s',
  ruleHash: '4f0c2d9a7be1',
  verdictId: '%s',
  owner: 'security',
  evidence: {
    denied: 0,
    ...{ allowed: 12, early: 4, members: null, collateral: null },
    windows: { hit: 3, weight: 3, needed: 3, of: 10, windowMs: 60_000 },
    distinctRoutes: 3,
    routes: [
      { route: 'POST /login', denied: 200 },
      { route: 'GET /orders/:id', denied: 40 },
      { route: 'GET /', denied: 12 },
    ],
    policies: ['login', 'per-client'],
    ...{ firstSeenAtMs: 1_750_000_000_000, lastSeenAtMs: 1_750_000_100_000 },
    log: { partition: 3, fromOffset: 123_456, toOffset: 123_987, marks: [{ emitter: 'gate-eu-1-7f3a', seq: 482_113 }] },
  },
}).replace('"denied":0', '"denied":%d');

export interface BigQueue {
  readonly list: RedisBlockList;
  readonly redis: RedisConnection;
  readonly bare: Redis;
  /** Of the list's keys. */
  readonly prefix: string;
  /** What the server holds for one block, bytes. */
  readonly bytesPerBlock: number;
}

const memoryOf = async (bare: Redis): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await bare.info('memory'))?.[1] ?? 0);

/** A list with a million blocks in it, on an empty server. */
export const bigQueue = async (redisUrl: string, bare: Redis, total = blocksInQueue): Promise<BigQueue> => {
  const namespace = randomBytes(6).toString('hex');
  const prefix = `${keyPrefix(namespace)}{bl}:2:`;
  const { text } = loadScript('block-list', 'block-index', 'block-blocks');
  const setting = { now: 0, token: 'bench', leastTtl: 0, retention: 30 * 86_400_000, maxChanges: 1000, maxSteps: 199 };
  const bytesBefore = await memoryOf(bare);
  const setup = JSON.stringify({ ...setting, maxPacked: 1000, maxBlocks: 2 * total });
  for (let from = 1; from <= total; from += blocksPerCall) {
    const asked = JSON.stringify({ from, to: Math.min(total, from + blocksPerCall - 1), total, fixed: fixedForm });
    await bare.eval(text + seed, 2, prefix, `${prefix}list`, setup, asked);
  }
  const bytesPerBlock = ((await memoryOf(bare)) - bytesBefore) / total;
  const redis = await openRedis({ url: redisUrl });
  return { list: new RedisBlockList({ redis, namespace }), redis, bare, prefix, bytesPerBlock };
};
