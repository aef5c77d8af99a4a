import { createHash, createHmac } from 'node:crypto';
import { type Notice, type NoticeKind, tenantOf, testKind } from './notice.ts';

/** Who is told by webhook, and of what. */
export interface Endpoint {
  /** `[a-z0-9][a-z0-9-]{0,31}`: what logs and metrics call it, since a URL may hold a secret. */
  readonly name: string;
  readonly url: URL;
  /** Every notice is signed with each: a receiver that knows one of them is content. At least one. */
  readonly secrets: readonly Buffer[];
  readonly events: readonly NoticeKind[];
  /** Null: of all, and what belongs to none. */
  readonly tenants: readonly string[] | null;
  /** Whether it may lie in this machine or in a private network, and be asked without TLS. */
  readonly allowPrivate: boolean;
}

/** Its queue: one that gets another URL is another endpoint. */
export const queueOf = ({ name, url }: Endpoint): string =>
  `${name}.${createHash('sha256').update(url.href).digest('hex').slice(0, 8)}`;

export const wants = ({ events, tenants }: Endpoint, notice: Notice): boolean =>
  notice.kind !== testKind && events.includes(notice.kind) && (tenants === null || tenants.includes(tenantOf(notice)));

const prefix = 'whsec_';
const keyBytes = { least: 24, most: 64 } as const;
export const secretMust = `must be ${prefix} and 24 to 64 random bytes in base64: \`echo ${prefix}$(openssl rand -base64 32)\``;

/** `whsec_…` → the key; null: it is none. */
export const secretFrom = (text: string): Buffer | null => {
  const encoded = text.startsWith(prefix) ? text.slice(prefix.length) : '';
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return null;
  const key = Buffer.from(encoded, 'base64');
  return key.length >= keyBytes.least && key.length <= keyBytes.most ? key : null;
};

export interface Message {
  readonly id: string;
  /** Of this try, seconds since the epoch: receivers refuse what is old. */
  readonly timestampS: number;
  readonly body: string;
}

/** As Standard Webhooks wants it: one signature for each secret, with a space between. */
export const signatureOf = ({ id, timestampS, body }: Message, secrets: readonly Buffer[]): string =>
  secrets
    .map((secret) => `v1,${createHmac('sha256', secret).update(`${id}.${timestampS}.${body}`).digest('base64')}`)
    .join(' ');
