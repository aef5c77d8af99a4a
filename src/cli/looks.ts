import type { DecisionReader } from '../analytics/decision-reader.ts';
import type { BlockListReplica } from '../blocklist/replica.ts';
import { type EventLog, topics } from '../event/event-log.ts';
import type { Ingester } from '../ingest/ingester.ts';
import type { Look } from './health.ts';

/** The list is asked several times a second: older than this, it is out of reach. */
const maxReplicaAgeMs = 5000;

/** The block list as the gate of this process follows it. */
export const blockListLook = (replica: BlockListReplica, required: boolean): Look => ({
  name: 'block list',
  required,
  look: () => {
    const ageMs = replica.ageMs();
    const detail = `${replica.size} entries, ${ageMs ?? 'of unknown'} ms old`;
    return ageMs !== null && ageMs <= maxReplicaAgeMs ? Promise.resolve(detail) : Promise.reject(new Error(detail));
  },
});

export const logLook = (log: EventLog, required: boolean): Look => ({
  name: 'event log',
  required,
  look: async () => `${(await log.endPositions(topics.decisions)).size} partitions`,
});

export const databaseLook = (reader: DecisionReader, required: boolean): Look => ({
  name: 'database',
  required,
  look: async () => {
    const { newestEventAtMs } = await reader.freshness();
    return newestEventAtMs === null ? 'empty' : `newest decision of ${new Date(newestEventAtMs).toISOString()}`;
  },
});

/** How many records are not ingested yet, all partitions of this process together. */
export const lagOf = async (ingester: Ingester): Promise<number> =>
  [...(await ingester.lag()).values()].reduce((sum, records) => sum + records, 0);

export const ingestLook = (ingester: Ingester): Look => ({
  name: 'ingest',
  required: true,
  look: async () => `${await lagOf(ingester)} records behind`,
});
