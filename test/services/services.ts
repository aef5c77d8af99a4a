import { join } from 'node:path';
import { stopDaemon } from './daemon.ts';
import { type EngineName, type EngineState, engineNames, type Launch } from './engine.ts';
import { removeFolder, upFolder } from './folders.ts';
import { launchKafka } from './kafka.ts';
import { withLock } from './lock.ts';
import { isRunning } from './process-id.ts';
import { launchRedis } from './redis.ts';
import { readState, writeState } from './state.ts';

const launchers: Readonly<Record<EngineName, Launch>> = { redis: launchRedis, kafka: launchKafka };

/** The setting that points tidegate at an engine. */
export const environmentNames: Readonly<Record<EngineName, string>> = {
  redis: 'TIDEGATE_REDIS_URL',
  kafka: 'TIDEGATE_KAFKA_URL',
};

/** Tests use the engine named here instead of starting one: a setting of its own, so that they never meet real data. */
export const testEnvironmentNames: Readonly<Record<EngineName, string>> = {
  redis: 'TIDEGATE_TEST_REDIS_URL',
  kafka: 'TIDEGATE_TEST_KAFKA_URL',
};

export interface ServiceStatus {
  readonly name: EngineName;
  readonly running: boolean;
  readonly url: string | null;
  readonly version: string | null;
  readonly pid: number | null;
}

/** Starts what does not run yet. An engine that died comes back on its port with its data. */
export const servicesUp = (names: readonly EngineName[]): Promise<readonly ServiceStatus[]> =>
  withLock('up', async () => {
    for (const name of names) {
      const before = readState().find((engine) => engine.name === name);
      if (before && isRunning(before.id)) continue;
      const ports = before ? { ports: before.ports } : {};
      const engine = await launchers[name]({ folder: join(upFolder, name), tied: false, ...ports });
      writeState([...readState().filter((other) => other.name !== name), engine]);
    }
    return servicesStatus();
  });

/** Stops everything that was started here and removes its data. The fetched jars stay. */
export const servicesDown = (): Promise<readonly ServiceStatus[]> =>
  withLock('up', async () => {
    await Promise.all(readState().map((engine) => stopDaemon(engine.id)));
    writeState([]);
    removeFolder(upFolder);
    return servicesStatus();
  });

export const servicesStatus = (): readonly ServiceStatus[] => {
  const state = readState();
  return engineNames.map((name) =>
    statusOf(
      name,
      state.find((engine) => engine.name === name),
    ),
  );
};

const statusOf = (name: EngineName, engine: EngineState | undefined): ServiceStatus =>
  engine && isRunning(engine.id)
    ? { name, running: true, url: engine.url, version: engine.version, pid: engine.id.pid }
    : { name, running: false, url: null, version: null, pid: null };
