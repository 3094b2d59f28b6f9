export * from './limits.ts';
export * from './messages.ts';
export * from './text.ts';
export * from './text-change.ts';
export * from './values.ts';
