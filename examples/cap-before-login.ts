/**
 * A cap per address before anybody is identified: whoever sends made-up passwords costs a password's hash a few times a
 * minute and no more. Run it: `npx tsx examples/cap-before-login.ts`, then `curl -i -u ann:wrong localhost:3000`.
 */
import { scrypt, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGate, definePolicies, MemoryLimitStore } from 'tidegate';
import { decisionOn, tidegate, type VouchedIdentity } from 'tidegate/express';

const policies = definePolicies([
  // By address alone, so that it is asked before `identify`: what does not pass here is never looked at.
  { name: 'before-login', scope: ['address'], limit: 30, window: '1m', burst: 10 },
  // One customer of an access network has a /64, a site a /48: this is for who has many of them.
  { name: 'before-login-site', scope: ['network'], limit: 300, window: '1m', burst: 100 },
  { name: 'per-user', match: { clientKinds: ['user'] }, limit: 600, window: '1m' },
]);

export interface Account {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const hashOf = promisify<string, Buffer, number, Buffer>(scrypt);

/** A tenth of a second of work by design: this is what the cap is there for. */
const verify = async (request: IncomingMessage, accounts: ReadonlyMap<string, Account>): Promise<VouchedIdentity> => {
  const [scheme, credentials = ''] = (request.headers.authorization ?? '').split(' ');
  if (scheme !== 'Basic') return {};
  const [user = '', password = ''] = Buffer.from(credentials, 'base64').toString().split(':');
  const account = accounts.get(user);
  if (!account) return {};
  const hash = await hashOf(password, account.salt, account.hash.length);
  return timingSafeEqual(hash, account.hash) ? { user } : {};
};

export const serverFor = (accounts: ReadonlyMap<string, Account>, identify = verify): Server => {
  const gate = createGate({ policies, store: new MemoryLimitStore() });
  const limit = tidegate({ gate, identify: (request: IncomingMessage) => identify(request, accounts) });
  const server = createServer(async (request, response) => {
    try {
      if (!(await limit(request, response))) return;
      const client = decisionOn(request)?.client;
      response.writeHead(client?.kind === 'user' ? 200 : 401).end(`you are ${client?.kind} ${client?.id}\n`);
    } catch {
      response.writeHead(500).end();
    }
  });
  return server.on('close', () => void gate.close());
};

if (process.argv[1] === fileURLToPath(import.meta.url)) serverFor(new Map()).listen(3000);
