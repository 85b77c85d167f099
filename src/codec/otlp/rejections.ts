/** Counts what cannot be taken of a request, and keeps the first reason. */
export class Rejections {
  #rejected = 0;
  #firstFault: string | undefined;

  note(items: number, fault: string): void {
    this.#rejected += items;
    this.#firstFault ??= fault;
  }

  result(): { readonly rejected: number; readonly firstFault?: string } {
    return { rejected: this.#rejected, ...(this.#firstFault !== undefined && { firstFault: this.#firstFault }) };
  }
}
