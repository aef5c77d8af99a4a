import { join } from 'node:path';
import { type Certificates, makeCertificates } from './certificates.ts';
import { type OwnEngine, ownEngine } from './engine.ts';
import { redisLauncher } from './redis.ts';

/** A Redis that also listens with TLS, and asks its clients for certificates. */
export interface TlsRedis extends OwnEngine {
  readonly tlsPort: number;
  readonly certificates: Certificates;
}

export const startTlsRedis = async (options: { folder: string; tied: boolean; remove(): void }): Promise<TlsRedis> => {
  const certificates = await makeCertificates(join(options.folder, 'certificates'));
  let tlsPort = 0;
  const launch = redisLauncher((port) => {
    tlsPort = port;
    return {
      'tls-port': port,
      'tls-ca-cert-file': certificates.ca,
      'tls-cert-file': certificates.cert,
      'tls-key-file': certificates.key,
    };
  });
  return { ...(await ownEngine(launch, options)), tlsPort, certificates };
};
