import type { Redis } from 'ioredis';
import type { Contest } from '../contest.ts';
import { drive, shuffledIndices } from '../load.ts';
import { clients, openGate, openRedisStore, requestOf } from './ours.ts';
import { peerRedis } from './peers.ts';

const keyCount = 10_000;
const inFlight = 512;
const warmUpMs = 300;

interface Recorded {
  readonly name: string;
  readonly args: (string | number | Buffer)[];
}

export const redisCeiling: Contest = {
  name: 'redis-ceiling',
  unit: 'decisions/s',
  better: 'higher',
  reference: 'the same script calls in a bare loop',
  aim: 0.7,
  about:
    'How near the gate, with matching, events and all, comes to what Redis and its connection can do: the very commands it sent, sent again with nothing around them.',
  needsRedis: true,
  open: async ({ roundMs, redisUrl }) => {
    const { redis, store } = await openRedisStore(redisUrl);
    const { gate, settle } = openGate({ store });
    const bare = await peerRedis(redisUrl);
    const order = shuffledIndices(keyCount);
    const requests = clients(keyCount).map(requestOf);
    const requestAt = (call: number) => requests[order[call % order.length] ?? 0] ?? requestOf({ kind: 'key', id: '' });
    const ours = (ms: number) => drive((call) => gate.check(requestAt(call)), { inFlight, roundMs: ms, settle });

    await ours(warmUpMs);
    const commands: Recorded[] = [];
    const decidedBefore = gate.stats().decisions;
    const send = redis.sendCommand.bind(redis);
    redis.sendCommand = ((command, stream) => {
      commands.push({ name: command.name, args: command.args.flat() as Recorded['args'] });
      return send(command, stream);
    }) satisfies Redis['sendCommand'];
    await ours(warmUpMs);
    redis.sendCommand = send;
    const decisionsPerCommand = (gate.stats().decisions - decidedBefore) / commands.length;
    const replay = (call: number) => {
      const { name, args } = commands[call % commands.length] ?? { name: 'PING', args: [] };
      return bare.call(name, ...args);
    };
    return {
      ours: async () => (await ours(roundMs)).perSecond,
      theirs: async () => {
        const callers = Math.max(1, Math.round(inFlight / decisionsPerCommand));
        const { perSecond } = await drive(replay, { inFlight: callers, roundMs });
        return perSecond * decisionsPerCommand;
      },
      close: async () => {
        redis.disconnect();
        bare.disconnect();
      },
    };
  },
};
