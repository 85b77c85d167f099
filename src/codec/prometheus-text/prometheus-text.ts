export type { PageParserOptions, PageSeries, ParsedPage } from './page.ts';
export { TooManySamples } from './page.ts';
export { PageParser } from './page-parser.ts';
