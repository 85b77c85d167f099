/** Where a command writes to. Each text is one or more whole lines, without the newline at the end. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
}
