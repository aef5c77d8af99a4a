/** One field of a request that the API refuses. */
export interface FieldProblem {
  /** `body.note`. */
  readonly path: string;
  readonly message: string;
}

/** What the API answered instead (RFC 9457). */
export class Problem extends Error {
  /** The end of its type: `conflict`, `precondition-failed`, … */
  readonly kind: string;
  readonly status: number;
  readonly title: string;
  readonly fields: readonly FieldProblem[];

  constructor(status: number, body: ProblemBody) {
    super(body.detail ?? body.title ?? `The API answers ${status}.`);
    this.name = 'Problem';
    this.status = status;
    this.kind = body.type?.split(':').at(-1) ?? '';
    this.title = body.title ?? `The API answers ${status}`;
    this.fields = Array.isArray(body.problems) ? body.problems : [];
  }

  /** What it says about one field; null: nothing. */
  about(path: string): string | null {
    return this.fields.find((field) => field.path === path)?.message ?? null;
  }
}

export interface ProblemBody {
  readonly type?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly problems?: readonly FieldProblem[];
}

/** Nobody answered: the process is gone, the network is, or it took too long. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super('The API does not answer.', { cause });
    this.name = 'Unreachable';
  }
}

export type Failure = Problem | Unreachable;

/** Whatever a request threw; anything else is a mistake of this page and is thrown on. */
export const failureOf = (thrown: unknown): Failure => {
  if (thrown instanceof Problem || thrown instanceof Unreachable) return thrown;
  throw thrown;
};
