import { maxMembers, maxRules, RuleFields, RuleFileSchema, requiredFields } from '../src/detect/rule-schema.ts';
import { type Defaults, fieldOf, schemaFile, tableOf } from './schema-table.ts';

const fields = fieldOf(RuleFields);

/** `windows.length` → of the part `windows`, `length`: required once everything that is extended is in. */
const requiredIn = (part: string): Defaults =>
  Object.fromEntries(
    Object.keys(requiredFields).flatMap((path) => {
      const [first = '', ...rest] = path.split('.');
      const [under, name] = rest.length === 0 ? ['', first] : [first, rest.join('.')];
      return under === part ? [[name, 'required']] : [];
    }),
  );

const section = (part: string): string => {
  const field = fields.properties?.[part] ?? {};
  const inner = Object.entries(field.properties ?? {}).filter(([, { properties }]) => properties !== undefined);
  const more = inner.map(([name, below]) => `### \`${part}.${name}\`\n\n${below.description}\n\n${tableOf(below)}`);
  return [`## \`${part}\``, field.description, tableOf(field, requiredIn(part)), ...more].join('\n\n');
};

const parts = ['match', 'breadth', 'depth', 'windows', 'compliance', 'evidence', 'block', 'shared', 'budget'];

/** docs/reference/rules.md, whole. */
export const rulesPage = (): string => `# Rules

Generated from \`src/detect/rule-schema.ts\` by \`npm run docs\`. How rules work: [the guide](../guides/blocking.md).

A rule file is YAML or JSON with \`version: 1\`, a list \`rules\` of at most ${maxRules} and, for all rules together, a
\`budget\`. Editors that know JSON Schema complete it with [rules.schema.json](rules.schema.json). \`tidegate rules check
FILE\` names every problem and every warning with its path.

## A rule

A rule has \`breadth\`, \`depth\` or both. What a rule with \`extends\` does not say it takes from the rule that it extends.

${tableOf(fields, requiredIn(''))}

${parts.map(section).join('\n\n')}

## The budget of the file

${tableOf(fieldOf(RuleFileSchema).properties?.['budget'] ?? {})}

## What the hash covers

Each block holds the hash of its rule. It covers what decides verdicts (\`by\`, \`match\`, \`when\`, \`breadth\`, \`depth\`,
\`windows\`, \`compliance\`, \`evidence\`) and what decides blocks (\`block\`, \`action\`, \`shared\`, \`budget\`), after
\`extends\`, however it is spelled. \`name\`, \`mode\`, \`canary\`, \`owner\`, \`reviewBy\` and \`precision\` are not in it: the rule that
is enforced is the rule that was watched in shadow. The id of a verdict is made of the rule's name, the subject and the
incident alone, so that a change of the file does not block anybody twice.

## What a file is refused for

Every problem is told at once, each with its path: unknown fields (with the one that was probably meant), a threshold of 0, a
missing duration, windows of fractions of a second, a \`base\` above \`max\`, \`outcomes\` other than \`denied\`, more
distinct routes than \`match.routes\` names, a rule by network for clients that are no addresses, two rules of one name,
\`extends\` that goes in a circle, YAML that holds itself or multiplies itself by aliases.

A network that only one client speaks for is that client's business: \`evidence.clients\` is 2 at least. Of a network at most
${maxMembers} clients are told apart; a count of ${maxMembers} means that many or more.
`;

/** docs/reference/rules.schema.json, whole. */
export const rulesSchema = (): string => schemaFile('tidegate rules', RuleFileSchema);
