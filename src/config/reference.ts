import type { InputDefinition } from '../contract/input.ts';
import type { OutputDefinition } from '../contract/output.ts';
import { type Field, fieldsOf } from './field-list.ts';
import { searchPath } from './files.ts';
import { inputFields, outputFields } from './sample.ts';
import { tables } from './schema.ts';

const introduction = `# Configuration

This page is generated from the schemas that the program checks your files with. \`conf.d/*.conf.sample\` has the same as files to copy.

## Files

Without \`--config-dir\`, all of these directories that exist are read: ${searchPath.map((path) => `\`${path}\``).join(', ')}.
Every file below them whose name ends in \`.conf\` counts, in any sub-directory; \`*.conf.sample\` and names that begin with a dot do not.
Files of equal bytes are read once. Files are [TOML](https://toml.io), and they add up: the same key with two values in two files is a fault.

Inputs are \`[[inputs.NAME]]\`, outputs \`[[outputs.NAME]]\`; as many of each as you like, in one file or in several. A single \`[inputs.NAME]\` is one.

\`meshbridge check\` reads all of it without running anything and says everything that is wrong at once, each with file, line and what to write instead.

## Values

| value | written as |
|---|---|
| duration | a number with a unit, several added up: \`"300ms"\`, \`"10s"\`, \`"1m30s"\`, \`"7d"\`, \`"2w"\` |
| size | \`kB\`, \`MB\`, \`GB\`, \`TB\` are powers of 1000, \`KiB\`, \`MiB\`, \`GiB\`, \`TiB\` powers of 1024: \`"10MiB"\` |
| share or size | \`"12%"\` or \`"1GiB"\` |
| secret | text, or \`"file:PATH"\`: then the file's text, without the newline at its end. A relative PATH starts at the file that says it. Secrets are never shown |

\`\${NAME}\` inside any text comes from the environment, \`\${NAME:-default}\` with a default for where it is not set or empty. A \`$\` without braces stays as it is.

The command line stands over the environment, the environment over files, files over defaults.

## What runs

Everything that needs no configuration and can work where the program is runs by itself, and so does the store. A file only adds:
a table of an input replaces the instance that would run by itself. \`enabled = false\` in a table of the input switches it off.

## Moving from DataKit

Its \`conf.d\` is read as it is. Keys and inputs that this program does not have are warnings; \`meshbridge check --strict\` makes them faults.
These variables of DataKit's act: \`ENV_HTTP_LISTEN\`, \`ENV_LOG_LEVEL\`, \`ENV_K8S_NODE_NAME\` (\`NODE_NAME\`), \`ENV_GLOBAL_HOST_TAGS\` (\`ENV_GLOBAL_TAGS\`, with
\`__datakit_hostname\` and \`__datakit_ip\`), \`ENV_CLUSTER_NAME_K8S\`, \`ENV_DATAKIT_INPUTS\`, \`ENV_DEFAULT_ENABLED_INPUTS\` (\`-NAME\` switches one off, other names
only add), and \`ENV_INPUT_NAME_KEY\` for any key of an input, such as \`ENV_INPUT_ZIPKIN_PATH_V1\`. The others are named in one warning.
`;

/** The text of `docs/configuration.md`. */
export function reference(definitions: {
  readonly inputs: readonly InputDefinition[];
  readonly outputs: readonly OutputDefinition[];
}): string {
  const parts = [introduction, '## Tables\n'];
  for (const field of fieldsOf(tables({ inCluster: false }))) {
    parts.push(`### [${field.key}]\n\n${field.description}\n`, ...(field.shape === 'map' ? [] : [table(field.fields)]));
  }
  parts.push('## Inputs\n');
  for (const definition of definitions.inputs) {
    parts.push(
      section(`[[inputs.${definition.type}]]`, definition, definition.signals),
      table(inputFields(definition)),
    );
  }
  parts.push('## Outputs\n');
  for (const definition of definitions.outputs) {
    parts.push(
      section(`[[outputs.${definition.type}]]`, definition, definition.signals),
      table(outputFields(definition)),
    );
  }
  return `${parts.join('\n').trimEnd()}\n`;
}

function section(title: string, definition: { readonly summary: string }, signals: readonly string[]): string {
  return `### ${title}\n\n${definition.summary} Signals: ${signals.join(', ')}.\n`;
}

function table(fields: readonly Field[]): string {
  const rows = fields.flatMap((field) => rowsOf(field, ''));
  return ['| key | value | default | meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}

function rowsOf(field: Field, prefix: string): string[] {
  const name = `${prefix}${field.key}${field.shape === 'list' ? '[]' : ''}`;
  const fallback = field.required ? 'must be given' : field.fallback === undefined ? '' : `\`${field.fallback}\``;
  const cells = [`\`${name}\``, field.type, fallback, field.description].map((cell) => cell.replaceAll('|', '\\|'));
  return [`| ${cells.join(' | ')} |`, ...field.fields.flatMap((inner) => rowsOf(inner, `${name}.`))];
}
