import type { BlockChange } from '../../src/event/block-change.ts';
import { encodeBlockChange } from '../../src/event/block-change.ts';
import { hourMs } from './dashboard-traffic.ts';

type ToldChange = Pick<BlockChange, 'timeMs' | 'blockId' | 'state' | 'version'> & {
  readonly label?: string;
  readonly reasonCode?: string;
} & Partial<BlockChange>;

/** Rows of the audit, one after the other, as the database is given them. */
export const changeLines = (changes: readonly ToldChange[]): Buffer =>
  Buffer.from(
    changes
      .map(({ label, reasonCode, ...change }, index) => {
        const evidence = JSON.stringify({
          denied: 400,
          ...(label === undefined ? {} : { label }),
          ...(reasonCode === undefined ? {} : { step: { kind: 'lift', reasonCode, batchId: '' } }),
        });
        const row: BlockChange = {
          ...{
            emitter: 'changes-1',
            partition: 0,
            seq: index + 1,
            clientKind: 'ip',
            client: `client of ${change.blockId}`,
          },
          ...{
            tenant: 'acme',
            rule: 'breadth',
            ruleHash: 'aaa',
            verdictId: 'v',
            strikes: 1,
            actor: 'detector',
            reason: '',
          },
          ...{ blockedAtMs: change.timeMs, expiresAtMs: change.timeMs + 24 * hourMs, evidence },
          ...change,
        };
        return `${encodeBlockChange(row)}\n`;
      })
      .join(''),
  );

export interface ReviewedBlock {
  readonly blockId: string;
  readonly beganAtMs: number;
  readonly expiresAtMs: number;
  /** When somebody judged it first, or it ended otherwise. */
  readonly judgedAtMs?: number;
}

/** How many wait at an instant, and for how long the oldest of them has, seconds. */
export const reviewAt = (blocks: readonly ReviewedBlock[], atMs: number): { waiting: number; oldest: number } => {
  const open = blocks.filter(
    ({ beganAtMs, expiresAtMs, judgedAtMs = Number.POSITIVE_INFINITY }) =>
      beganAtMs < atMs && expiresAtMs >= atMs && judgedAtMs >= atMs,
  );
  const oldest = Math.min(atMs, ...open.map(({ beganAtMs }) => beganAtMs));
  return { waiting: open.length, oldest: Math.floor((atMs - oldest) / 1000) };
};
