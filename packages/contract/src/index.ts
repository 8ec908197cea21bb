export * from './enums.ts';
export * from './openapi.ts';
export * from './operation.ts';
export { allOperations, operations } from './operations/index.ts';
export * from './parameters.ts';
export * from './texts.ts';
export * from './validation.ts';
