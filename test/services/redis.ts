import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from './daemon.ts';
import type { Launch } from './engine.ts';
import { ask, usablePorts } from './ports.ts';
import { ensureProgram, runProgram } from './programs.ts';

const healthyWithinMs = 10_000;

/** Debian's redis-server: loopback only, nothing on disk, and it refuses writes rather than evict counters. */
export const launchRedis: Launch = async ({ folder, tied, ports }) => {
  await ensureProgram('redis-server', 'redis-server');
  mkdirSync(folder, { recursive: true });
  const [port] = await usablePorts(ports);
  const settings = {
    port,
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    'maxmemory-policy': 'noeviction',
    dir: folder,
  };
  const id = await startDaemon({
    name: 'Redis',
    command: 'redis-server',
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    folder,
    logPath: join(folder, 'redis.log'),
    tied,
    healthyWithinMs,
    isHealthy: async () => ((await ask(port, 'PING\r\n', 1_000)) ?? '').startsWith('+PONG'),
  });
  return { name: 'redis', url: `redis://127.0.0.1:${port}`, version: await redisVersion(), id, folder, ports: [port] };
};

const redisVersion = async (): Promise<string> =>
  /v=([\d.]+)/.exec(await runProgram('redis-server', ['--version']))?.[1] ?? 'unknown';
