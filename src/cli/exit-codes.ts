/** interfaces.md, "Commands". */
export const exitCodes = { good: 0, failed: 1, usage: 64, config: 78 } as const;
