import Type, { type TSchema } from 'typebox';

export const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);

export const Uuid = Type.String({ format: 'uuid' });

/** ISO 8601 with whole seconds and a numeric offset, never `Z` (1.7). */
export const Time = Type.String({ format: 'date-time', examples: ['2026-05-11T14:12:31+02:00'] });

export const oneOf = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] });

export const Integers = Type.Array(Type.Integer());
