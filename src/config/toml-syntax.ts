/** What is wrong with a line of TOML, and what to write instead. */
export interface SyntaxAdvice {
  readonly message: string;
  readonly hint?: string;
}

const assignment = /^\s*([A-Za-z0-9_.-]+)\s*=\s*(.*?)\s*$/;
const harmlessWord = /^(?:[\d.]+\s?[A-Za-zµ%]{1,4}|true|false|yes|no|on|off|auto|[\d.]+:\d+|:\d+)$/i;

/** Text that is YAML or JSON as a whole: users mount the ConfigMap itself instead of the files inside it. */
export function foreignFormat(text: string): SyntaxAdvice | undefined {
  if (/^apiVersion:\s/m.test(text) && /^kind:\s/m.test(text)) {
    return {
      message: 'this is a Kubernetes manifest (YAML), not TOML',
      hint: 'apply it with kubectl, and mount the *.conf entries of its data as files',
    };
  }
  if (/^\s*\{/.test(text)) {
    return { message: 'this is JSON, not TOML', hint: 'write tables such as [[inputs.zipkin]] with key = value lines' };
  }
  if (/^(?:---\s*$|(?:inputs|outputs|server|scrape_configs|global):\s*$)/m.test(text)) {
    return { message: 'this is YAML, not TOML', hint: 'write tables such as [[inputs.zipkin]] with key = value lines' };
  }
  return undefined;
}

/** Addresses and paths, without a name and password or a query, which may hold a secret. */
const harmlessPlace = /^(?:https?:\/\/|\.{0,2}\/)[\w.:/-]*$|^[\w-]+\.[a-z]{2,6}$/;
const tellingKey = /token|passw|secret|credential|key/i;

function shownValue(key: string, value: string): string {
  const isHarmless = harmlessWord.test(value) || (value.length <= 60 && harmlessPlace.test(value));
  return isHarmless && !tellingKey.test(key) ? value : '...';
}

function ofTableName(line: string): SyntaxAdvice | undefined {
  const opening = /^\s*(\[\[?)\s*([^\]#]*?)\s*(\]*)\s*(#.*)?$/.exec(line);
  if (opening === null || opening[1] === opening[3]?.replaceAll(']', '[')) {
    return undefined;
  }
  const name = opening[2] ?? '';
  return {
    message: 'the brackets of this table name do not match',
    hint: `write ${/^[\w.-]+$/.test(name) ? (opening[1] === '[[' ? `[[${name}]]` : `[${name}]`) : 'one such as [[inputs.zipkin]]'}`,
  };
}

function ofValue(key: string, value: string): SyntaxAdvice {
  if (value === '' || value.startsWith('#')) {
    return { message: `"${key}" has no value`, hint: `write ${key} = "...", or remove the line` };
  }
  if (/^(?:true|false|yes|no|on|off)$/i.test(value)) {
    const meant = /^(?:true|yes|on)$/i.test(value) ? 'true' : 'false';
    return {
      message: `"${key}" is neither true nor false as TOML writes them`,
      hint: `write ${key} = ${meant}, or put text in quotes`,
    };
  }
  const open = value[0];
  if (open === '"' || open === "'") {
    return ofText(key, value, open);
  }
  if (open === '[' || open === '{') {
    return {
      message: `the ${open === '[' ? 'list' : 'table'} of "${key}" is not written as TOML wants it`,
      hint: open === '[' ? `write ${key} = ["first", "second"]` : `write ${key} = { name = "value" }`,
    };
  }
  return ofBareValue(key, value);
}

function ofBareValue(key: string, value: string): SyntaxAdvice {
  if (/^[+-]?0\d/.test(value)) {
    return { message: `the number "${key}" begins with 0`, hint: 'write it without the zero, or in quotes' };
  }
  if (/^(?:true|false|[+-]?[\d.]+)\s+\S/.test(value)) {
    return { message: `something stands behind the value of "${key}"`, hint: 'write one key = value on each line' };
  }
  const curly = /^[“”„‟«»‘’]+(.*?)[“”„‟«»‘’]+$/u.exec(value);
  if (curly !== null) {
    const hint = `write ${key} = "${shownValue(key, curly[1] ?? '')}"`;
    return { message: `the quotes around the value of "${key}" are not the straight ones`, hint };
  }
  return { message: `the value of "${key}" needs quotes`, hint: `write ${key} = "${shownValue(key, value)}"` };
}

function ofText(key: string, value: string, quote: string): SyntaxAdvice {
  return value.indexOf(quote, 1) > 0
    ? { message: `something stands behind the value of "${key}"`, hint: 'write one key = value on each line' }
    : { message: `the text of "${key}" lacks its closing quote`, hint: `write ${key} = ${quote}...${quote}` };
}

const closers: Readonly<Record<string, string>> = { '[': ']', '{': '}', '"""': '"""', "'''": "'''" };

/**
 * A list or long text that was begun above the line where the parser gave up and never ended: `index` of the line that
 * begins it.
 */
export function unclosedAbove(
  lines: readonly string[],
  failedAt: number,
  parserMessage: string,
): (SyntaxAdvice & { readonly index: number }) | undefined {
  if (!parserMessage.includes('","') && !parserMessage.endsWith('end of input found.')) {
    return undefined;
  }
  for (let index = failedAt - 1; index >= 0; index--) {
    const assigned = assignment.exec(lines[index] ?? '');
    const opener = /^("""|'''|\[|\{)/.exec(assigned?.[2] ?? '')?.[1];
    const closer = closers[opener ?? ''];
    if (opener !== undefined && closer !== undefined && assigned?.[2]?.indexOf(closer, opener.length) === -1) {
      return { index, message: `what "${assigned[1]}" begins here has no end`, hint: `close it with ${closer}` };
    }
  }
  return undefined;
}

/** In words, for the line on which the parser gave up. Never shows a value that might be a secret. */
export function explainSyntax(line: string, parserMessage: string): SyntaxAdvice {
  const redefined = /^Cannot redefine existing key '(.*)'/.exec(parserMessage);
  if (redefined !== null) {
    return { message: `"${redefined[1]}" is written twice in this file`, hint: 'keep one' };
  }
  if (/^Cannot (?:append|extend|use dotted)/.test(parserMessage)) {
    return { message: 'this table was already begun in another form in this file', hint: 'write it in one place' };
  }
  if (/escape/i.test(parserMessage)) {
    return {
      message: 'a backslash inside "..." begins an escape',
      hint: "write \\\\ for one backslash, or put the text in single quotes '...'",
    };
  }
  if (/^Integer /.test(parserMessage)) {
    return { message: 'a number is too large', hint: 'write at most 9007199254740991' };
  }
  const colon = /^\s*([A-Za-z0-9_.-]+):(?:\s|$)/.exec(line);
  if (colon !== null) {
    return { message: 'this line is written as YAML', hint: `write ${colon[1]} = "..."` };
  }
  if (/^\s*\[/.test(line)) {
    return ofTableName(line) ?? { message: 'this is not a table name', hint: 'write one such as [[inputs.zipkin]]' };
  }
  const assigned = assignment.exec(line);
  if (assigned !== null) {
    return ofValue(assigned[1] ?? '', assigned[2] ?? '');
  }
  if (/=/.test(line)) {
    return {
      message: 'this is not a key',
      hint: 'a key has letters, digits, dash and underscore; put any other in quotes',
    };
  }
  return { message: 'this line is not TOML', hint: 'write key = value, [table], or begin a remark with #' };
}
