import { join } from 'node:path';
import { openRunFolder, removeFolder } from '../../services/folders.ts';
import type { Contest, Duel, Facet, Setting } from '../contest.ts';
import { cpuOfOurs } from './cpu-ours.ts';
import { stages } from './cpu-stages.ts';
import { cpuOfTheirs } from './cpu-theirs.ts';
import { openBenchDatabase } from './database.ts';
import { mixAbout, skewedRequests } from './mix.ts';

const decisions = 200_000;

const open = async ({ kafkaUrl }: Setting): Promise<Duel> => {
  const folder = openRunFolder('cpu');
  const store = await openBenchDatabase(join(folder, 'chdb'));
  const requests = skewedRequests().slice(0, decisions);
  return {
    ours: () => cpuOfOurs(requests, store, kafkaUrl),
    theirs: () => cpuOfTheirs(requests, store, kafkaUrl),
    close: async () => {
      await store.close();
      removeFolder(folder);
    },
  };
};

const facetOf = (name: string): Facet => ({ name, unit: 's/million', better: 'lower' });

export const cpuPerMillion: Contest = {
  name: 'cpu-per-million',
  unit: '',
  better: 'lower',
  facets: ['', ...stages].map(facetOf),
  reference: 'one message and one row per decision, kafkajs and plain inserts',
  aim: null,
  about: `CPU seconds for a million decisions of ${mixAbout}, counted over ${decisions.toLocaleString('en-US')}, of the process that does it, with all of its threads; Kafka's own are not counted. \`merge\`: what events add to deciding; \`encode\`: rows to frames; \`send\`: frames to Kafka; \`ingest\`: reading them again, checking, planning blocks, committing; \`clickhouse\`: inserts with everything derived from them and the merges that follow. Beside it nothing is merged and nothing checked: decisions are kept (\`merge\`), written as JSON, sent a thousand messages at a time, read and inserted.`,
  needsKafka: true,
  maxRounds: 3,
  timeoutMs: 900_000,
  open,
};
