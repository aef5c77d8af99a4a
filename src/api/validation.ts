import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { problemsOf } from '../problems.ts';
import { RequestFailure } from './problem.ts';

const partNames: Readonly<Record<string, string>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'header',
};
const maxProblems = 20;

/**
 * Checks one part of a request and reports every problem as `body.limit`. Query and path are text by nature and are
 * converted; a body says its types itself: `"5"` is no number there.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart = 'body' }) => {
  // A process has more routes than anybody asks it soon: each is compiled when it is asked first.
  let compiled: Validator | null = null;
  const part = partNames[httpPart] ?? httpPart;
  return (given: unknown) => {
    compiled ??= Compile(schema);
    const validator = compiled;
    const value = httpPart === 'body' ? given : validator.Convert(given);
    if (validator.Check(value)) return { value };
    const problems = problemsOf(schema, value)
      .slice(0, maxProblems)
      .map(({ path, message }) => ({ path: path === '' ? part : `${part}.${path}`, message }));
    const detail = problems.map(({ path, message }) => `${path} ${message}`).join('; ');
    return { error: new RequestFailure('invalid-request', detail, problems) };
  };
};
