import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { type Admin, Kafka, type KafkaConfig, type logCreator, logLevel, type SASLOptions } from 'kafkajs';
import type { Clock } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { mendKafkajsTimers } from './kafkajs-timers.ts';
import { repeatsOf } from './repeats.ts';
import { type KafkaAddress, parseKafkaUrl } from './url.ts';

/** A broker that is there answers within this, or openers say that it is not. */
const connectWithinMs = 5_000;

export interface KafkaConnection {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly address: KafkaAddress;
  readonly clock: Clock;
  readonly brokerCount: number;
}

export interface ConnectOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Connects and asks who is there. Throws CONFIG_INVALID or ENGINE_UNREACHABLE, the latter within about five seconds. */
export const connectKafka = async ({ url, clock, logger }: ConnectOptions): Promise<KafkaConnection> => {
  mendKafkajsTimers();
  const address = parseKafkaUrl(url);
  const kafka = new Kafka(configOf(address, logger, clock));
  const admin = kafka.admin({ retry: { retries: 1, initialRetryTime: 100 } });
  try {
    const { brokers } = await within(clock, connectWithinMs, connected(admin));
    return { kafka, admin, address, clock, brokerCount: brokers.length };
  } catch (error) {
    admin.disconnect().catch((cause: unknown) => logger.debug({ cause: messageOf(cause) }, 'kafka disconnect failed'));
    throw new TidegateError('ENGINE_UNREACHABLE', `Kafka at ${address.text} does not answer: ${messageOf(error)}`, {
      cause: error,
      retryable: true,
    });
  }
};

/** A failure of the log as tidegate's callers know it. */
export const logFailed = (what: string, cause: unknown, retryable: boolean): TidegateError =>
  new TidegateError('LOG_FAILED', `${what}: ${messageOf(cause)}`, { cause, retryable });

const connected = async (admin: Admin): ReturnType<Admin['describeCluster']> => {
  await admin.connect();
  return admin.describeCluster();
};

const within = <T>(clock: Clock, timeoutMs: number, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = clock.schedule(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
    work.then(resolve, reject).finally(() => timer.cancel());
  });

const configOf = (address: KafkaAddress, logger: Logger, clock: Clock): KafkaConfig => ({
  clientId: 'tidegate',
  brokers: [...address.brokers],
  ssl: address.ssl && tlsOf(address),
  connectionTimeout: 2_000,
  authenticationTimeout: 4_000,
  requestTimeout: 10_000,
  retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 4 },
  logLevel: logLevel.INFO,
  logCreator: logCreatorOf(logger, clock),
  // One of three types that differ in the mechanism's name alone.
  ...(address.sasl ? { sasl: address.sasl as SASLOptions } : {}),
});

/** While a broker is away these say so several times a second. */
const chatty = ['Connection', 'BrokerPool'];

/** kafkajs calls an error what it then tries again by itself; what it gives up on reaches us as a rejection. */
const logMethod = (level: logLevel, namespace: string): 'debug' | 'warn' =>
  level <= logLevel.WARN && !chatty.includes(namespace) ? 'warn' : 'debug';

const logCreatorOf = (logger: Logger, clock: Clock): logCreator => {
  const isRepeat = repeatsOf(clock);
  return () =>
    ({ namespace, level, log: { message, logger: _logger, timestamp: _timestamp, stack: _stack, ...fields } }) => {
      const method = logMethod(level, namespace);
      const isSaid = method === 'debug' || !isRepeat(`${namespace} ${String(fields.groupId ?? '')} ${message}`);
      logger[isSaid ? method : 'debug']({ kafkajs: namespace, ...fields }, message);
    };
};

const tlsOf = ({ caFile, certFile, keyFile }: KafkaAddress): ConnectionOptions => ({
  ...(caFile === null ? {} : { ca: [pem('ca', caFile)] }),
  ...(certFile === null ? {} : { cert: pem('cert', certFile) }),
  ...(keyFile === null ? {} : { key: pem('key', keyFile) }),
});

const pem = (parameter: string, path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const problem = { path: parameter, message: `cannot be read: ${messageOf(error)}` };
    throw new TidegateError('CONFIG_INVALID', `Kafka URL: ${parameter} ${problem.message}`, { problems: [problem] });
  }
};
