import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureProgram, runProgram } from './programs.ts';

/** Files with PEM text. */
export interface Certificates {
  /** The authority that has signed the other one. */
  readonly ca: string;
  /** For servers and clients at 127.0.0.1 and localhost. */
  readonly cert: string;
  readonly key: string;
}

const days = ['-days', '2'];
const ellipticKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** An authority of this test alone, and a certificate of it. */
export const makeCertificates = async (folder: string): Promise<Certificates> => {
  await ensureProgram('openssl', 'openssl');
  mkdirSync(folder, { recursive: true });
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): Promise<string> => runProgram('openssl', args);
  const authority = ['-keyout', path('ca.key'), '-out', path('ca.pem'), '-subj', '/CN=tidegate tests'];
  await openssl('req', '-x509', ...ellipticKey, ...days, ...authority);
  await openssl(
    'req',
    ...ellipticKey,
    '-keyout',
    path('key.pem'),
    '-out',
    path('request.pem'),
    '-subj',
    '/CN=localhost',
  );
  writeFileSync(path('names.txt'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const signer = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial'];
  const names = ['-extfile', path('names.txt')];
  await openssl('x509', '-req', '-in', path('request.pem'), ...signer, ...days, ...names, '-out', path('cert.pem'));
  return { ca: path('ca.pem'), cert: path('cert.pem'), key: path('key.pem') };
};
