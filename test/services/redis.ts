import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from './daemon.ts';
import type { Launch } from './engine.ts';
import { ask, usablePorts } from './ports.ts';
import { ensureProgram, runProgram } from './programs.ts';

const healthyWithinMs = 30_000;

export type RedisSettings = Readonly<Record<string, string | number>>;

/**
 * Launches Debian's redis-server: loopback only, nothing on disk, and it refuses writes rather than evict counters.
 * `settings` come on top; they may use the second port, which is free too.
 */
export const redisLauncher =
  (settingsOf: (secondPort: number) => RedisSettings = () => ({})): Launch =>
  async ({ folder, tied, ports }) => {
    await ensureProgram('redis-server', 'redis-server');
    mkdirSync(folder, { recursive: true });
    const [port, secondPort] = await usablePorts(ports);
    const settings: RedisSettings = {
      port,
      bind: '127.0.0.1',
      save: '',
      appendonly: 'no',
      'maxmemory-policy': 'noeviction',
      dir: folder,
      ...settingsOf(secondPort),
    };
    const id = await startDaemon({
      name: 'Redis',
      command: 'redis-server',
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
      folder,
      logPath: join(folder, 'redis.log'),
      tied,
      healthyWithinMs,
      isHealthy: () => answersPing(port),
    });
    const url = `redis://127.0.0.1:${port}`;
    return { name: 'redis', url, version: await redisVersion(), id, folder, ports: [port, secondPort] };
  };

/** One Redis on its own. */
export const launchRedis: Launch = redisLauncher();

/** Whether a server or a Sentinel listens there. */
export const answersPing = async (port: number): Promise<boolean> =>
  ((await ask(port, 'PING\r\n', 1_000)) ?? '').startsWith('+PONG');

export const redisVersion = async (): Promise<string> =>
  /v=([\d.]+)/.exec(await runProgram('redis-server', ['--version']))?.[1] ?? 'unknown';
