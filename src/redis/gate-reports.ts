import { messageOf, TidegateError } from '../errors.ts';
import { maxGates } from '../limiter/fleet.ts';
import { aliveMs, type GateBeat, type GateHealth, type GateReport } from '../limiter/gate-report.ts';
import type { RedisConnection } from './client.ts';
import { keyPrefix } from './keys.ts';

/** It stands in a key: no braces, which would choose another slot. */
export const gateIdPattern = /^[A-Za-z0-9._-]{1,64}$/;

export const fleetKey = (namespace: string, name: string): string => `${keyPrefix(namespace)}{gates}:${name}`;

/** Bytes of a report. A longer one is not sent, and not read. */
const maxReportBytes = 1024;
const maxTextLength = 64;
const perRead = 200;

const texts = ['region', 'service', 'version', 'policyVersion'] as const;
const counts = [
  'startedAtMs',
  'decisions',
  'denied',
  'blocked',
  'degraded',
  'blockListEntries',
  'eventsWaiting',
  'eventsLost',
] as const;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unshown = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value.toWellFormed().replace(unshown, '').slice(0, maxTextLength).toWellFormed() : '';

const countOf = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value)
    ? Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.round(value)))
    : 0;

/** Sources that are told apart; a release knows about ten. */
const maxSources = 16;
const sourcePattern = /^[a-z][a-z-]{0,31}$/;

const latencyOf = (value: unknown): number | null => (typeof value === 'number' ? countOf(value) : null);

/** Nothing where there is none: a gate of an earlier release, or nothing that can be one. */
const healthFrom = (told: unknown): { health?: GateHealth } => {
  if (typeof told !== 'object' || told === null || !('bySource' in told)) return {};
  const { bySource, overDeadline, storeP50Us, storeP99Us, isStoreOpen } = told as Record<string, unknown>;
  if (typeof bySource !== 'object' || bySource === null || Array.isArray(bySource)) return {};
  const sources = Object.entries(bySource)
    .filter(([source, count]) => sourcePattern.test(source) && countOf(count) > 0)
    .slice(0, maxSources)
    .map(([source, count]) => [source, countOf(count)] as const);
  return {
    health: {
      bySource: Object.fromEntries(sources),
      overDeadline: countOf(overDeadline),
      storeP50Us: latencyOf(storeP50Us),
      storeP99Us: latencyOf(storeP99Us),
      isStoreOpen: isStoreOpen === true,
    },
  };
};

/** The latest instant that a date can be. */
const maxInstantMs = 8.64e15;

/** Whatever it was made by: texts are short and hold nothing that moves a cursor, numbers are in their range. */
const reportFrom = (told: Readonly<Record<string, unknown>>): GateReport => {
  const share = told['degradedShare'];
  return {
    ...(Object.fromEntries(texts.map((name) => [name, textOf(told[name])])) as Pick<
      GateReport,
      (typeof texts)[number]
    >),
    ...(Object.fromEntries(counts.map((name) => [name, countOf(told[name])])) as Pick<
      GateReport,
      (typeof counts)[number]
    >),
    startedAtMs: Math.min(maxInstantMs, countOf(told['startedAtMs'])),
    degradedShare: typeof share === 'number' && share > 0 ? Math.min(1, share) : 0,
    blockListAgeMs: typeof told['blockListAgeMs'] === 'number' ? countOf(told['blockListAgeMs']) : null,
    ...healthFrom(told['health']),
  };
};

/** As it stands in Redis; '' when it would be too long. */
export const encodeReport = (report: GateReport): string => {
  const { health, ...rest } = reportFrom({ ...report });
  const text = JSON.stringify({ ...rest, ...(health ? { health } : {}) });
  if (Buffer.byteLength(text) <= maxReportBytes) return text;
  // Readers of every release take so much and no more: what is new gives way to what they know.
  const short = JSON.stringify(rest);
  return Buffer.byteLength(short) > maxReportBytes ? '' : short;
};

/** Null: it is none. Another release, or anybody with access, may have written it. */
export const decodeReport = (text: string): GateReport | null => {
  if (text.length > maxReportBytes) return null;
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch {
    // Not a report: the gate is left out, as one that says nothing.
    return null;
  }
  return typeof told === 'object' && told !== null && !Array.isArray(told)
    ? reportFrom(told as Record<string, unknown>)
    : null;
};

/** Of the server, milliseconds since the epoch. */
const serverNowMs = async (redis: RedisConnection): Promise<number> => {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
};

/** How the gates of a namespace are doing that are alive and say so. @throws TidegateError STORE_FAILED. */
export const readGates = async (redis: RedisConnection, namespace: string): Promise<readonly GateBeat[]> => {
  try {
    const nowMs = await serverNowMs(redis);
    const [fromMs, toMs] = [`(${nowMs - aliveMs}`, `(${nowMs + aliveMs}`];
    const key = fleetKey(namespace, 'alive');
    const alive = await redis.zrevrangebyscore(key, toMs, fromMs, 'WITHSCORES', 'LIMIT', 0, maxGates);
    const beats: { gateId: string; atMs: number }[] = [];
    for (let at = 0; at < alive.length; at += 2) {
      const gateId = alive[at] ?? '';
      if (gateIdPattern.test(gateId)) beats.push({ gateId, atMs: Number(alive[at + 1]) });
    }
    const found: GateBeat[] = [];
    for (let from = 0; from < beats.length; from += perRead) {
      const some = beats.slice(from, from + perRead);
      const told = await redis.mget(some.map(({ gateId }) => fleetKey(namespace, `report:${gateId}`)));
      for (const [index, { gateId, atMs }] of some.entries()) {
        const report = decodeReport(told[index] ?? '');
        if (report) found.push({ ...report, gateId, lastBeatAtMs: atMs, beatAgeMs: Math.max(0, nowMs - atMs) });
      }
    }
    return found;
  } catch (cause) {
    if (cause instanceof TidegateError) throw cause;
    throw new TidegateError('STORE_FAILED', `the gates could not be read: ${messageOf(cause)}`, {
      cause,
      retryable: true,
    });
  }
};
