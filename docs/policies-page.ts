import { PolicyFields, PolicyFileSchema } from '../src/policy/schema.ts';
import { fieldOf, grouped, schemaFile, tableOf } from './schema-table.ts';

/** Defaults that depend on another field have no word in the schema. */
const derived = { burst: 'the limit' };
const fields = fieldOf(PolicyFields);
const { maxItems = 0 } = fieldOf(PolicyFileSchema.properties.policies);

/** docs/reference/policies.md, whole. */
export const policiesPage = (): string => `# Policies

Generated from \`src/policy/schema.ts\` by \`npm run docs\`. How policies work together: [the guide](../guides/policies.md).

A policy file is YAML or JSON with \`version: 1\` and a list \`policies\` of at most ${grouped(maxItems)}. Editors that know JSON
Schema complete it with [policies.schema.json](policies.schema.json). \`tidegate policies check FILE\` names every problem and
every warning with its path; a gate that runs refuses a file with a problem and keeps the last good one.

## A policy

${tableOf(fields, derived)}

## \`match\`

${tableOf(fields.properties?.['match'] ?? {})}

All lists of one policy together may make at most 100,000 combinations (routes × tenants × plans × services), all policies
together 1,000,000.

## What depends on the algorithm

| \`algorithm\` | \`limit\` and \`window\` | \`burst\` | \`consistency: approximate\` |
|---|---|---|---|
| \`token-bucket\` | \`limit\` units come back per \`window\`, evenly | units at once | yes |
| \`sliding-window\` | at most \`limit\` units in about any \`window\` | none: it is the limit | yes |
| \`fixed-window\` | at most \`limit\` units in each \`window\`; windows begin at multiples of their length since 1970, UTC | none: it is the limit | yes |
| \`leaky-bucket\` | \`limit\` units leave the queue per \`window\`, evenly | units that may wait; \`burst × window / limit\` at most \`60s\` | no |
| \`concurrency\` | \`limit\` units in flight, at most 100,000; \`window\` is how long a place is held that nobody releases, at least \`1s\` | none: it is the limit | no |

The buckets count in whole microseconds per unit, rounded up: a limit so high that this changes it by over 1 % is refused.
\`cost\` must fit at once, or no request could ever pass. \`priority\` needs a \`group\`, and \`candidateFor\` an enforced policy
that has no other candidate.
`;

/** docs/reference/policies.schema.json, whole. */
export const policiesSchema = (): string => schemaFile('tidegate policies', PolicyFileSchema);
