/** In words, for one of the parser's error codes and the line it stands on. */
export function explainYaml(code: string, line: string): { readonly message: string; readonly hint?: string } {
  const text = line.trim();
  const [, first = '', second = '', rest = ''] = /^(?:- )?([\w.-]+):\s+([\w.-]+):\s*(.*)$/.exec(text) ?? [];
  switch (code) {
    case 'MULTILINE_IMPLICIT_KEY':
    case 'MISSING_CHAR':
      return /^[\w./-]+$/.test(text)
        ? { message: `"${text}" lacks its colon`, hint: `write ${text}:` }
        : { message: 'a quote, bracket or colon is missing here' };
    case 'BLOCK_AS_IMPLICIT_KEY':
      return first !== '' && first === second
        ? { message: `"${first}:" is written twice on this line`, hint: `write ${first}: ${rest}` }
        : {
            message: 'two keys stand on one line',
            hint: 'put the value in quotes, or the second key on a line of its own',
          };
    case 'TAB_AS_INDENT':
      return { message: 'a tab indents this line', hint: 'use spaces' };
    case 'DUPLICATE_KEY':
      return { message: `"${text.split(':')[0]}" is written twice in this table`, hint: 'keep one' };
    case 'BAD_INDENT':
      return {
        message: 'the indentation of this line does not fit the lines above',
        hint: 'align it with its neighbours',
      };
    case 'BAD_ALIAS':
      return { message: 'this refers to a name (*) that was not given with & before' };
    default:
      return { message: 'this is not YAML' };
  }
}
