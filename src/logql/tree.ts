import type { SyntaxNode } from '@lezer/common';
import { unquoted } from '../lib/go-string.ts';
import { syntaxError } from './errors.ts';

/** A node of the query's tree, with what is asked of it. */
export class Tree {
  readonly query: string;
  readonly #node: SyntaxNode;

  constructor(query: string, node: SyntaxNode) {
    this.query = query;
    this.#node = node;
  }

  get name(): string {
    return this.#node.name;
  }

  get from(): number {
    return this.#node.from;
  }

  get text(): string {
    return this.query.slice(this.#node.from, this.#node.to);
  }

  /** But comments. */
  get children(): Tree[] {
    const found: Tree[] = [];
    for (let child = this.#node.firstChild; child !== null; child = child.nextSibling) {
      if (child.name !== 'LineComment') {
        found.push(new Tree(this.query, child));
      }
    }
    return found;
  }

  /** The first child with one of the names. */
  child(...names: readonly string[]): Tree | undefined {
    return this.children.find(({ name }) => names.includes(name));
  }

  /** The same; the grammar promises it. */
  only(...names: readonly string[]): Tree {
    const child = this.child(...names);
    if (child === undefined) {
      throw syntaxError(this.query, this.from, `syntax error: unexpected ${this.text.slice(0, 20)}`);
    }
    return child;
  }

  all(name: string): Tree[] {
    return this.children.filter((child) => child.name === name);
  }

  /** What a list of the grammar, which holds its own beginning as a list, has of these, in order. */
  listed(item: string): Tree[] {
    return this.children.flatMap((child) =>
      child.name === this.name ? child.listed(item) : child.name === item ? [child] : [],
    );
  }

  /** The value of a string in Go's syntax. */
  get string(): string {
    const value = unquoted(this.text);
    if (value === undefined) {
      throw syntaxError(this.query, this.from, 'literal not terminated');
    }
    return value;
  }
}
