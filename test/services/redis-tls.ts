import { join } from 'node:path';
import { type Certificates, makeCertificates } from './certificates.ts';
import { type OwnEngine, ownEngine } from './engine.ts';
import { usablePorts } from './ports.ts';
import { type RedisSettings, redisLauncher } from './redis.ts';

/** What a server needs to listen with TLS too, and to talk to its like with it. */
export const tlsSettings = (port: number, { ca, cert, key }: Certificates): RedisSettings => ({
  'tls-port': port,
  'tls-ca-cert-file': ca,
  'tls-cert-file': cert,
  'tls-key-file': key,
  'tls-replication': 'yes',
});

/** The part of a URL that shows these certificates. */
export const tlsQuery = ({ ca, cert, key }: Certificates): string => `ca=${ca}&cert=${cert}&key=${key}`;

/** A port for TLS, beside those that a launcher finds for itself. */
export const tlsPort = async (): Promise<number> => (await usablePorts(undefined))[0];

/** A Redis that also listens with TLS, and asks its clients for certificates. */
export interface TlsRedis extends OwnEngine {
  readonly tlsPort: number;
  readonly certificates: Certificates;
}

export const startTlsRedis = async (options: { folder: string; tied: boolean; remove(): void }): Promise<TlsRedis> => {
  const certificates = await makeCertificates(join(options.folder, 'certificates'));
  const port = await tlsPort();
  const launch = redisLauncher(() => tlsSettings(port, certificates));
  return { ...(await ownEngine(launch, options)), tlsPort: port, certificates };
};
