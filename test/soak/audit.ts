import { once } from 'node:events';
import { forkChild } from './lives.ts';
import type { Sums } from './truth.ts';

/** One line of the ledger. */
export interface LedgerLine {
  readonly partition: number;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly rows: number;
  readonly doubledRows: number;
  readonly deadLetters: number;
  readonly settled: boolean;
}

/** What is known of one emitter in one partition. */
export interface EmitterSums {
  readonly name: string;
  readonly partition: number;
  readonly events: number;
  readonly decisions: number;
  readonly lastSeq: number;
}

export interface EmitterAccount {
  readonly name: string;
  readonly partition: number;
  readonly lastSeq: number;
  readonly total: number;
  readonly ended: boolean;
  readonly missingRows: number;
}

/** What the tables hold, by name of the table. A table that is not there is not named. */
export interface Audit {
  readonly sums: Readonly<Record<string, readonly ({ readonly partition: number } & Partial<Sums>)[]>>;
  /** Cells of derived tables that differ from what the rows give. */
  readonly wrongCells: Readonly<Record<string, number>>;
  /** Rows that are stored more than once. */
  readonly doubledEvents: number;
  readonly emitters: readonly EmitterSums[];
  readonly ledger: readonly LedgerLine[];
  readonly accounts: readonly EmitterAccount[];
}

export interface DatabaseJob {
  readonly folder: string;
  readonly task: 'prepare' | 'audit';
}

const run = async (job: DatabaseJob): Promise<Audit | null> => {
  const child = forkChild('database-child', job);
  let answer: Audit | null = null;
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  child.on('message', (message: Audit) => {
    answer = message;
  });
  const [exitCode] = await once(child, 'close');
  if (exitCode !== 0) throw new Error(`${job.task} of ${job.folder} failed: ${errors}`);
  return answer;
};

/** Makes the tables in a folder of chDB. */
export const prepareDatabase = async (folder: string): Promise<void> => {
  await run({ folder, task: 'prepare' });
};

/** Asks the tables in a folder that nobody holds. */
export const auditDatabase = async (folder: string): Promise<Audit> => {
  const audit = await run({ folder, task: 'audit' });
  if (!audit) throw new Error(`the audit of ${folder} said nothing`);
  return audit;
};
