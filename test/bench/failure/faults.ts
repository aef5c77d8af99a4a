import { join } from 'node:path';
import { type OwnEngine, ownEngine } from '../../services/engine.ts';
import { openRunFolder, removeFolder } from '../../services/folders.ts';
import { launchRedis } from '../../services/redis.ts';
import { asOperator } from '../../services/redis-control.ts';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

/** A Redis of one contest alone, and the cable to it. */
export interface Scene {
  readonly server: OwnEngine;
  readonly proxy: TcpProxy;
  readonly url: string;
  close(): Promise<void>;
}

export interface Fault {
  readonly name: string;
  readonly about: string;
  /** Whether the counters are gone afterwards: a client may use up its limit once more. */
  readonly forgets: boolean;
  start(scene: Scene): Promise<unknown> | unknown;
  end(scene: Scene): Promise<unknown> | unknown;
}

export const openScene = async (): Promise<Scene> => {
  const folder = openRunFolder('bench-failure');
  const remove = () => removeFolder(folder);
  const server = await ownEngine(launchRedis, { folder: join(folder, 'redis'), tied: true, remove });
  const proxy = await startProxy(server.port);
  const close = async (): Promise<void> => {
    await proxy.close();
    await server.stop();
  };
  return { server, proxy, url: `redis://127.0.0.1:${proxy.port}`, close };
};

/** Nobody listens there: the server is a replica of nothing, and may only be read. */
const nobodysPort = 1;

export const faults: readonly Fault[] = [
  {
    name: 'kill',
    about: 'The server is killed, and started again empty.',
    forgets: true,
    start: ({ server }) => server.kill(),
    end: ({ server }) => server.restart(),
  },
  {
    name: 'freeze',
    about: 'The server stands still; its connections stay open.',
    forgets: false,
    start: ({ server }) => server.freeze(),
    end: ({ server }) => server.thaw(),
  },
  {
    name: 'network-cut',
    about: 'Nothing comes through in either direction, and nobody is told.',
    forgets: false,
    start: ({ proxy }) => proxy.cut('both ways'),
    end: ({ proxy }) => proxy.heal(),
  },
  {
    name: 'slow',
    about: 'Everything takes 40 ms each way.',
    forgets: false,
    start: ({ proxy }) => proxy.slow(40),
    end: ({ proxy }) => proxy.heal(),
  },
  {
    name: 'read-only',
    about: 'The server is demoted and refuses writes.',
    forgets: false,
    start: ({ server }) => asOperator(server.port, (redis) => redis.replicaof('127.0.0.1', nobodysPort)),
    end: ({ server }) => asOperator(server.port, (redis) => redis.replicaof('NO', 'ONE')),
  },
];
