import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { startDaemon } from './daemon.ts';
import type { EngineState, Launch, LaunchOptions } from './engine.ts';
import { kafkaJars, kafkaVersion } from './kafka-jars.ts';
import { usablePorts } from './ports.ts';
import { runProgram } from './programs.ts';

const healthyWithinMs = 60_000;

/** Any id will do: each broker is a cluster of its own. */
const clusterId = 'dGlkZWdhdGUtdGVzdHMtMQ';

/** Small heap, quick start: these brokers live for seconds, so the second compiler would never pay off. */
const jvmOptions = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dlog4j2.level=WARN'];

interface BrokerPorts {
  readonly port: number;
  readonly controllerPort: number;
  /** Where clients are sent to. */
  readonly advertisedPort: number;
}

const brokerProperties = (folder: string, { port, controllerPort, advertisedPort }: BrokerPorts): string =>
  Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // Groups of tests have one or two members: waiting for more is waiting for nothing.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    // A killed broker may register again only when its former self is believed dead: 9 s by default.
    'broker.session.timeout.ms': 4000,
    'broker.heartbeat.interval.ms': 500,
    'auto.create.topics.enable': false,
    'log.retention.check.interval.ms': 1000,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

/** One Apache Kafka broker that is its own controller (KRaft), on the loopback interface. */
export const launchKafka: Launch = (options) => launchAdvertised(options, null);

/** The same, for clients that reach it through another port of this machine only: a proxy that stands there already. */
export const kafkaBehind =
  (advertisedPort: number): Launch =>
  (options) =>
    launchAdvertised(options, advertisedPort);

const launchAdvertised = async (
  { folder, tied, ports }: LaunchOptions,
  advertisedPort: number | null,
): Promise<EngineState> => {
  const jars = await kafkaJars();
  const [port, controllerPort] = await usablePorts(ports);
  mkdirSync(folder, { recursive: true });
  const properties = join(folder, 'server.properties');
  const java = [...jvmOptions, '-cp', join(jars, '*')];
  writeFileSync(properties, brokerProperties(folder, { port, controllerPort, advertisedPort: advertisedPort ?? port }));
  if (!existsSync(join(folder, 'data', 'meta.properties'))) {
    await runProgram('java', [
      ...java,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      clusterId,
      '-c',
      properties,
      '--standalone',
    ]);
  }
  const id = await startDaemon({
    name: 'Kafka',
    command: 'java',
    args: [...java, 'kafka.Kafka', properties],
    folder,
    logPath: join(folder, 'kafka.log'),
    tied,
    healthyWithinMs,
    isHealthy: () => answers(port),
  });
  const url = `kafka://127.0.0.1:${port}`;
  return { name: 'kafka', url, version: kafkaVersion, id, folder, ports: [port, controllerPort] };
};

/** True when the broker has registered with its controller, which is later than when it first listens. */
const answers = async (port: number): Promise<boolean> => {
  const admin = new Kafka({
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  }).admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length > 0;
  } catch {
    // Not yet: the caller asks again until its own deadline.
    return false;
  } finally {
    await admin.disconnect();
  }
};
