import { TidegateError } from '../errors.ts';
import type { Overstep } from '../review/authority.ts';
import type { DeskRefusal } from '../review/desk.ts';
import { RequestFailure } from './problem.ts';

/** More than the role may do. */
export const oversteps = ({ detail }: Overstep): RequestFailure => new RequestFailure('forbidden', detail);

/** What the desk refused, as an answer. */
export const refusalOf = (refusal: DeskRefusal, blockId: string): RequestFailure => {
  if (refusal.kind === 'not-found') return new RequestFailure('not-found', `No block has the id ${blockId}.`);
  if (refusal.kind === 'forbidden') return oversteps(refusal.overstep);
  if (refusal.kind === 'stale') {
    return new RequestFailure(
      'precondition-failed',
      `The block has version ${refusal.block.version} by now. Read it again.`,
    );
  }
  return new RequestFailure(
    'conflict',
    `The block is ${refusal.block.state}, which does not allow this: ${refusal.detail}.`,
  );
};

/** As the ports of the list name what they refuse, and what the request calls it. */
const fields: Readonly<Record<string, string>> = {
  untilMs: 'until',
  tombstoneMs: 'tombstoneMs',
  note: 'note',
  subject: 'subject',
  assignee: 'assignee',
};

const fieldOf = (path: string): string => {
  if (path === 'cursor') return 'query.cursor';
  const field = path.startsWith('action') ? path : fields[path];
  return field === undefined ? 'body' : `body.${field}`;
};

/** Runs what takes a person's words, so that a refusal names the field of the request. */
export const namingFields = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof TidegateError) || error.code !== 'INPUT_INVALID' || error.problems.length === 0) throw error;
    const problems = error.problems.map(({ path, message }) => ({ path: fieldOf(path), message }));
    const detail = problems.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw new RequestFailure('invalid-request', detail, problems);
  }
};
