import { Compile } from 'typebox/compile';
import type { Api } from '../../src/api/routing.ts';
import type { Answer, Operation } from './contract-requests.ts';

type Response = Awaited<ReturnType<Api['inject']>>;
type Check = (value: unknown) => string | null;
const checks = new Map<object, Check>();

/** What is wrong with a value, or null; schemas are compiled once. */
const checkFor = (schema: object): Check => {
  const known = checks.get(schema);
  if (known !== undefined) return known;
  const validator = Compile(schema);
  const check: Check = (value) => {
    if (validator.Check(value)) return null;
    const [first] = validator.Errors(value);
    return `${first?.instancePath} ${first?.message}`;
  };
  checks.set(schema, check);
  return check;
};

const bare = (contentType: unknown): string => String(contentType ?? '').split(';', 1)[0] ?? '';

const problemOfProblem = (body: unknown, status: number): string | null => {
  if (typeof body !== 'object' || body === null) return 'is no problem';
  const { type, title, detail } = body as Record<string, unknown>;
  if (!('status' in body) || body.status !== status) return 'says another status';
  if (!String(type).startsWith('urn:tidegate:problem:')) return `has the type ${String(type)}`;
  return typeof title === 'string' && typeof detail === 'string' ? null : 'lacks title or detail';
};

const contentProblem = (answer: Answer, response: Response): string | null => {
  const type = bare(response.headers['content-type']);
  const content = answer.content?.[type];
  if (answer.content === undefined) return response.payload === '' ? null : 'has a body that is not documented';
  if (content === undefined) return `has the type ${type}; documented are ${Object.keys(answer.content).join(', ')}`;
  return /[/+]json$/.test(type) ? checkFor(content.schema)(response.json()) : null;
};

/** Paths that no route has any more, once a hostile id is in them. */
const outsideStatuses = [404, 405, 414, 400];

/** What an answer does that the document does not say; null: nothing. */
export const undocumentedIn = (operation: Operation, response: Response): string | null => {
  const status = response.statusCode;
  if (response.headers['x-injected'] !== undefined) return 'carries a header that somebody smuggled in';
  const answer = operation.responses[String(status)];
  if (status >= 500 && (status !== 503 || answer === undefined)) return `is ${status}: ${response.payload}`;
  if (status >= 400 && bare(response.headers['content-type']) === 'application/problem+json') {
    const wrong = problemOfProblem(response.json(), status);
    if (wrong !== null) return wrong;
  } else if (status >= 400 && status !== 503) return `is ${status} without problem+json`;
  if (answer === undefined) {
    const isElsewhere = operation.path.includes('{') && outsideStatuses.includes(status);
    return isElsewhere ? null : `is ${status}, which is not documented: ${response.payload.slice(0, 300)}`;
  }
  return contentProblem(answer, response);
};
