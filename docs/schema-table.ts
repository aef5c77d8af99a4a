/** What the page needs of a JSON Schema. */
export interface Field {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly anyOf?: readonly Field[];
  readonly items?: Field;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly required?: readonly string[];
}

export const grouped = (value: number): string => value.toLocaleString('en');

const typeOf = (field: Field): string => {
  if (field.title !== undefined) return field.title;
  if (field.anyOf) return field.anyOf.map((choice) => `\`${String(choice.const)}\``).join(', ');
  if (field.type === 'integer') return `whole number, ${grouped(field.minimum ?? 0)} to ${grouped(field.maximum ?? 0)}`;
  if (field.type === 'string') return `text, ${field.minLength ?? 0} to ${field.maxLength ?? ''} characters`;
  if (field.type === 'array' && field.items) {
    const most = field.maxItems === undefined ? '' : `, at most ${grouped(field.maxItems)}`;
    return `list of ${typeOf(field.items)}${most}`;
  }
  return 'see below';
};

/** Name → default, where the schema has no word for it. */
export type Defaults = Readonly<Record<string, string>>;

const defaultOf = (
  name: string,
  field: Field,
  { required, derived }: { required: boolean; derived: Defaults },
): string => {
  if (required) return 'required';
  if (derived[name] !== undefined) return derived[name];
  return field.default === undefined ? 'none' : `\`${JSON.stringify(field.default).replaceAll('"', '')}\``;
};

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** The fields of an object as a table. `derived`: defaults that the schema has no word for. */
export const tableOf = ({ properties = {}, required = [] }: Field, derived: Defaults = {}): string => {
  const rows = Object.entries(properties).map(([name, field]) => {
    const cells = [
      `\`${name}\``,
      typeOf(field),
      defaultOf(name, field, { required: required.includes(name), derived }),
      field.description ?? '',
    ];
    return `| ${cells.map(cell).join(' | ')} |`;
  });
  return ['| field | value | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
};

/** As JSON Schema, without what the compiler is told beside it. */
export const fieldOf = (schema: object): Field => JSON.parse(JSON.stringify(schema)) as Field;

/** A JSON Schema file: descriptions are plain text there. */
export const schemaFile = (title: string, schema: object): string => {
  const whole = { $schema: 'https://json-schema.org/draft/2020-12/schema', title, ...schema };
  return `${JSON.stringify(whole, null, 2).replaceAll('`', '')}\n`;
};
