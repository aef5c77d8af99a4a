import fc from 'fast-check';
import { hostileText, hostileValue, type JsonSchema, valuesOf } from './schema-values.ts';

export interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

export interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

/** One operation of an OpenAPI document. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly operationId: string;
  readonly summary?: string;
  readonly description?: string;
  readonly security?: readonly object[];
  readonly parameters: readonly Parameter[];
  readonly body: JsonSchema | null;
  readonly responses: Readonly<Record<string, Answer>>;
}

export interface ContractRequest {
  readonly method: Operation['method'];
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload?: string;
}

interface RawOperation extends Omit<Operation, 'method' | 'path' | 'body' | 'parameters'> {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: JsonSchema } } };
}

/** Every operation of the document. */
export const operationsOf = (document: object): Operation[] => {
  const { paths } = document as { paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { requestBody, parameters = [], ...operation }]) => ({
      ...operation,
      parameters,
      path,
      method: method.toUpperCase() as Operation['method'],
      body: requestBody?.content['application/json'].schema ?? null,
    })),
  );
};

/** As a client that encodes what it can: half of a character has no bytes. */
const encoded = (value: unknown): string =>
  encodeURIComponent(Buffer.from(typeof value === 'string' ? value : String(value), 'utf8').toString('utf8'));

const oftenHostile = (schema: JsonSchema, name = ''): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 3, arbitrary: valuesOf(schema, name) }, { weight: 1, arbitrary: hostileText });

type Body = Pick<ContractRequest, 'headers' | 'payload'>;

/** One kind of request: all of it as the document wants it, or some of it not. */
interface Kind extends Known {
  readonly value: typeof valuesOf;
  readonly body: (schema: JsonSchema) => fc.Arbitrary<Body>;
  readonly stranger: fc.Arbitrary<string | null>;
}

/** What is there to be named: blocks by their ids, and positions in the change log. */
export interface Known {
  readonly ids: readonly string[];
  readonly cursors: readonly string[];
}

const pathOf = (operation: Operation, { ids, value }: Kind): fc.Arbitrary<string> => {
  const params = operation.parameters.filter(({ in: where }) => where === 'path');
  const values = params.map(({ schema, name }) =>
    name === 'id'
      ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...ids) }, value(schema, name))
      : value(schema, name),
  );
  return fc
    .tuple(...values)
    .map((given) =>
      params.reduce((path, { name }, at) => path.replace(`{${name}}`, encoded(given[at])), operation.path),
    );
};

const pairsOf = (
  operation: Operation,
  where: Parameter['in'],
  { cursors, value }: Kind,
): fc.Arbitrary<Readonly<Record<string, unknown>>> => {
  const params = operation.parameters.filter((one) => one.in === where);
  const shape = Object.fromEntries(
    params.map(({ name, schema }) => {
      const given = value(schema, name);
      return [name, name === 'after' ? fc.oneof(fc.constantFrom(...cursors), given) : given];
    }),
  );
  return fc.record(shape, { requiredKeys: params.filter(({ required }) => required).map(({ name }) => name) });
};

const queryOf = (operation: Operation, kind: Kind): fc.Arbitrary<string> =>
  fc.tuple(pairsOf(operation, 'query', kind), kind.stranger).map(([pairs, stranger]) => {
    const all = Object.entries(pairs).map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
    if (stranger !== null) all.push(`${encoded(stranger)}=${encoded(stranger)}`);
    return all.length === 0 ? '' : `?${all.join('&')}`;
  });

const json = { 'content-type': 'application/json' };

const jsonBody = (value: unknown): Body => {
  const payload = JSON.stringify(value);
  return payload === undefined ? { headers: {} } : { headers: json, payload };
};

/** One field of a valid body is something else. */
const spoiled = (schema: JsonSchema): fc.Arbitrary<unknown> =>
  fc.tuple(valuesOf(schema), fc.nat(), hostileValue).map(([value, at, evil]) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return evil;
    const names = [...Object.keys(value), 'stranger'];
    return { ...value, [names[at % names.length] ?? 'stranger']: evil };
  });

const wrongBody = (schema: JsonSchema): fc.Arbitrary<Body> =>
  fc.oneof(
    { weight: 6, arbitrary: spoiled(schema).map(jsonBody) },
    { weight: 2, arbitrary: valuesOf(schema).map(jsonBody) },
    { weight: 2, arbitrary: hostileValue.map(jsonBody) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Body>(
        { headers: {} },
        { headers: json, payload: '' },
        { headers: json, payload: '{"a":' },
      ),
    },
    { weight: 1, arbitrary: hostileText.map((payload) => ({ headers: { 'content-type': 'text/plain' }, payload })) },
    { weight: 1, arbitrary: hostileText.map((payload) => ({ headers: json, payload })) },
  );

const headersOf = (operation: Operation, kind: Kind): fc.Arbitrary<Readonly<Record<string, string>>> =>
  pairsOf(operation, 'header', kind).map((pairs) =>
    Object.fromEntries(Object.entries(pairs).map(([name, value]) => [name, String(value)])),
  );

const requestsOf = (operation: Operation, kind: Kind): fc.Arbitrary<ContractRequest> =>
  fc
    .tuple(
      pathOf(operation, kind),
      queryOf(operation, kind),
      headersOf(operation, kind),
      operation.body === null ? fc.constant<Body>({ headers: {} }) : kind.body(operation.body),
    )
    .map(([path, query, headers, { headers: type, ...body }]) => ({
      method: operation.method,
      url: path + query,
      headers: { ...headers, ...type },
      ...body,
    }));

/** Requests for an operation: valid and at the edges as often as invalid and hostile. */
export const requestsFor = (operation: Operation, known: Known): fc.Arbitrary<ContractRequest> =>
  fc.oneof(
    requestsOf(operation, {
      ...known,
      value: valuesOf,
      body: (schema) => valuesOf(schema).map(jsonBody),
      stranger: fc.constant(null),
    }),
    requestsOf(operation, {
      ...known,
      value: oftenHostile,
      body: wrongBody,
      stranger: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, hostileText),
    }),
  );
